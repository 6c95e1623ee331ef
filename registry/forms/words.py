"""What is typed into a search box."""

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _


class Words(forms.CharField):
    """What is searched for. Django's own refusal of NUL is not translated, so it is worded here."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]

    def validate(self, value: str) -> None:
        super().validate(value)
        if "\0" in value or value.encode("utf-8", "ignore").decode() != value:
            raise ValidationError(_("The text contains characters that cannot be read. Type it anew."))
