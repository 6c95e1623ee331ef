"""A scanned letter, and what the clerk says of it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Day, Line
from exchange.models import ExchangeRequest

BEGINNINGS = {b"%PDF-": "PDF", b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
EXTENSIONS = (".pdf", ".png", ".jpg", ".jpeg")
MOST_BYTES = 20 * 1024 * 1024


def _width(name: str) -> int:
    return ExchangeRequest._meta.get_field(name).max_length


class ScannedLetterForm(forms.Form):
    """What is left empty is suggested on the form of the draft, where the letter says it."""

    letter = forms.FileField(
        label=_("The scanned letter"),
        help_text=_("PDF, PNG or JPEG, 20 MB at most. It is read for suggestions, and not kept."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(EXTENSIONS)}),
    )
    letter_number = Line(
        label=_("Number and notation of the letter (optional)"), max_length=_width("letter_number"), required=False
    )
    letter_day = Day(label=_("Day of the letter (optional)"), required=False)
    letter_subject = Line(
        label=_("Subject of the letter (optional)"), max_length=_width("letter_subject"), required=False
    )

    def clean_letter(self):
        """By its bytes, whatever its name says."""
        letter = self.cleaned_data["letter"]
        if letter.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than 20 MB. Scan it with fewer dots, or in black and white.")
            )
        beginning = letter.read(max(map(len, BEGINNINGS)))
        letter.seek(0)
        if not any(beginning.startswith(one) for one in BEGINNINGS):
            raise forms.ValidationError(_("Choose a PDF, PNG or JPEG file."))
        return letter

    def content(self) -> dict:
        names = ("letter_number", "letter_day", "letter_subject")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}
