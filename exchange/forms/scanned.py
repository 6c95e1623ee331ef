"""A scanned letter, and what the clerk says of it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Day, Line
from exchange.models import ExchangeRequest
from exchange.uploads import store

BEGINNINGS = {b"%PDF-": "PDF", b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
EXTENSIONS = (".pdf", ".png", ".jpg", ".jpeg")


def _width(name: str) -> int:
    return ExchangeRequest._meta.get_field(name).max_length


class ScannedLetterForm(forms.Form):
    """What is left empty is suggested on the form of the draft, where the letter says it."""

    letter = forms.FileField(
        label=_("The scanned letter"),
        help_text=_("PDF, PNG or JPEG. It becomes an attachment of the draft."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(EXTENSIONS)}),
    )
    letter_number = Line(
        label=_("Number and notation of the letter (optional)"), max_length=_width("letter_number"), required=False
    )
    letter_day = Day(label=_("Day of the letter (optional)"), required=False)
    letter_subject = Line(
        label=_("Subject of the letter (optional)"), max_length=_width("letter_subject"), required=False
    )

    def __init__(self, *args, was_cut: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.was_cut = was_cut  # the portal stopped reading it because of its size
        self.fields["letter"].required = not was_cut  # else the form would say that nothing was chosen

    def clean(self) -> dict:
        if self.was_cut:
            self.add_error("letter", store.too_large().message)
        return super().clean()

    def clean_letter(self):
        """By its bytes, whatever its name says."""
        letter = self.cleaned_data["letter"]
        if not letter:
            return letter
        beginning = letter.read(max(map(len, BEGINNINGS)))
        letter.seek(0)
        if not any(beginning.startswith(one) for one in BEGINNINGS):
            raise forms.ValidationError(_("Choose a PDF, PNG or JPEG file."))
        return letter

    def content(self) -> dict:
        names = ("letter_number", "letter_day", "letter_subject")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}
