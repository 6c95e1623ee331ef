"""Where events go, which of them, and from which day on they are sent again."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Choice, Choices, Day, Line
from exchange.services.outbox import KEPT
from exchange.webhooks import addresses, event_types


class WebhookChangeForm(forms.Form):
    description = Line(
        label=_("What it is for"),
        max_length=150,
        required=False,
        help_text=_("For your colleagues, e.g. “Document system, production”."),
    )
    types = Choices(
        label=_("Events"),
        required=False,
        help_text=_("None chosen: all of them, also kinds that are added later."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["types"].choices = event_types.choices()


class WebhookForm(WebhookChangeForm):
    agency = Choice(label=_("Agency"))
    url = Line(
        label=_("Address"),
        max_length=addresses.LONGEST,
        help_text=_("https://… of your system. It has to answer within 15 seconds with a status from 200 to 299."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ["agency", "url", "description", "types"]

    def __init__(self, *args, agencies, **kwargs):
        super().__init__(*args, **kwargs)
        self.agencies = {agency.code: agency for agency in agencies}
        self.fields["agency"].choices = [(code, str(agency)) for code, agency in self.agencies.items()]
        if len(self.agencies) == 1:
            self.fields["agency"].widget = forms.HiddenInput()
            self.fields["agency"].initial = next(iter(self.agencies))

    def clean_agency(self):
        return self.agencies[self.cleaned_data["agency"]]


class ReplayForm(forms.Form):
    since = Day(label=_("From this day on"))

    def clean_since(self):
        since = self.cleaned_data["since"]
        if since > timezone.localdate():
            raise forms.ValidationError(_("This day has not come yet."))
        if since < timezone.localdate() - KEPT + timedelta(days=1):
            raise forms.ValidationError(_("Events are kept for %(days)s days.") % {"days": KEPT.days})
        return since
