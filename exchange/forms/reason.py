"""Forms that ask for a reason, or name a person."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Block, Choice, Line

LONGEST = 4_000


class ReasonForm(forms.Form):
    reason = Block(label=_("Reason"), max_length=LONGEST)


class OptionalReasonForm(forms.Form):
    reason = Block(label=_("Reason (optional)"), max_length=LONGEST, required=False)


class SignForm(forms.Form):
    """The hash of the text that was on the screen when the button was pressed."""

    revision_hash = Line(max_length=64, widget=forms.HiddenInput)


class NameForm(forms.Form):
    user = Choice(label=_("Colleague or system of your agency"))

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.people = {str(person.public_id): person for person in people}
        self.fields["user"].choices = [("", "—"), *((key, str(person)) for key, person in self.people.items())]

    def clean_user(self):
        return self.people[self.cleaned_data["user"]]
