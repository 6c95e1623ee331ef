"""What somebody types or uploads to learn whether a letter is genuine."""

import hashlib
import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Line

LARGEST = 5_000_000  # bytes; a letter over 60 fields takes 150,000
NOTATION = re.compile(r"(?P<number>[1-9][0-9]{0,8})\s*/\s*(?P<agency>[\w.-]{1,30})-CSDL", re.IGNORECASE)


class LetterCheckForm(forms.Form):
    """By number and code, by the file or its hash, or both; then the file is compared with that letter."""

    notation = Line(
        label=_("Number and notation"),
        max_length=60,
        required=False,
        help_text=_("As printed, for instance 7/BTP-CSDL."),
    )
    code = Line(
        label=_("Check code"),
        max_length=40,
        required=False,
        help_text=_("Beside the QR code at the end of the letter, for instance 7QJ4-M2XP-C9RV."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    file = forms.FileField(
        label=_("The PDF file"),
        required=False,
        help_text=_("It is only compared, and not kept."),
        widget=forms.FileInput(attrs={"accept": ".pdf,application/pdf"}),
    )
    sha256 = Line(label=_("Or the SHA-256 of the file"), max_length=100, required=False)

    def clean_notation(self) -> tuple[str, int] | None:
        """Agency code and number."""
        typed = self.cleaned_data["notation"]
        if not typed:
            return None
        found = NOTATION.fullmatch(typed)
        if found is None:
            raise ValidationError(_("Type it as it is printed: the number, a slash, the agency code, and “-CSDL”."))
        return found["agency"], int(found["number"])

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file and file.size > LARGEST:
            raise ValidationError(_("The file is too large to be a letter of this portal."))
        return file

    def clean_sha256(self) -> str:
        typed = self.cleaned_data["sha256"].replace(" ", "").lower()
        if typed and not re.fullmatch(r"[0-9a-f]{64}", typed):
            raise ValidationError(_("A SHA-256 has 64 signs, digits and letters from a to f."))
        return typed

    def clean(self) -> dict:
        data = super().clean()
        if self.errors:
            return data
        if bool(data["notation"]) != bool(data["code"]):
            missing = "code" if data["notation"] else "notation"
            self.add_error(missing, _("Number and check code belong together: type both."))
        elif not any(data.values()):
            raise ValidationError(_("Type number and check code, or choose the PDF file."))
        return data

    @property
    def digest(self) -> str:
        """SHA-256 of the file, else the one that was typed, else nothing."""
        file = self.cleaned_data["file"]
        if not file:
            return self.cleaned_data["sha256"]
        found = hashlib.sha256()
        for chunk in file.chunks():
            found.update(chunk)
        return found.hexdigest()
