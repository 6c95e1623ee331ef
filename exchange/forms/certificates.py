"""What an agency states about data whose agreement is over."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.choices import CertificateKind, DestructionMethod
from exchange.forms.inputs import Block, Choice, Day, Line
from exchange.models import DestructionCertificate
from registry.errors import RegistryRefusal
from registry.models import LegalInstrument
from registry.services import laws

MOST_SUGGESTED = 200


def _width(name: str) -> int:
    return DestructionCertificate._meta.get_field(name).max_length


class CertificateForm(forms.Form):
    """Both kinds on one page: what does not belong to the chosen one is not read. The service says what is missing."""

    kind = Choice(label=_("What became of the data?"), choices=CertificateKind, widget=forms.RadioSelect)
    places = Block(
        label=_("Where copies were"),
        help_text=_("Every system, device, backup and print. Without names of people."),
        max_length=_width("places"),
    )
    method = Choice(
        label=_("If destroyed: how?"),
        choices=DestructionMethod,
        widget=forms.RadioSelect,
        required=False,
        help_text=_("The strongest that was used on every copy. The degrees are those of NIST SP 800-88."),
    )
    destroyed_on = Day(label=_("If destroyed: on which day was the last copy gone?"), required=False)
    kept_under = Line(
        label=_("If kept: under which law?"),
        required=False,
        max_length=200,
        help_text=_("Number of a law in force, however you type it: 278/2025/NĐ-CP or nghi dinh 278/2025."),
        widget=forms.TextInput(attrs={"list": "laws-in-force", "autocomplete": "off"}),
    )
    kept_until = Day(
        label=_("If kept: until which day?"),
        required=False,
        help_text=_("After it a certificate of destruction is owed."),
    )
    reason = Block(label=_("If kept: why does it have to be?"), required=False, max_length=_width("reason"))
    statement = Block(label=_("Statement of your agency"), max_length=_width("statement"))

    def __init__(self, data=None, **kwargs):
        initial = {
            "kind": CertificateKind.DESTROYED,
            "statement": _("Beyond what is stated here, our agency holds no copy of this data, in whole or in part."),
        }
        super().__init__(data, initial=initial, **kwargs)

    def clean_kept_under(self) -> LegalInstrument | None:
        typed = self.cleaned_data["kept_under"]
        if not typed or self.cleaned_data.get("kind") == CertificateKind.DESTROYED:
            return None
        try:
            return laws.named(typed)
        except RegistryRefusal as refusal:
            raise forms.ValidationError(str(refusal)) from None

    @property
    def suggestions(self) -> list[LegalInstrument]:
        return list(LegalInstrument.objects.in_force().order_by("number")[:MOST_SUGGESTED])
