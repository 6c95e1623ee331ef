"""The form with which a signatory confirms that an agreement is still needed."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Line


class ConfirmForm(forms.Form):
    """The words that were on the screen when the button was pressed, and that they are meant."""

    words = Line(max_length=2_000, widget=forms.HiddenInput)
    is_meant = forms.BooleanField(
        label=_("I confirm this for my agency"), error_messages={"required": _("Tick this to confirm.")}
    )
