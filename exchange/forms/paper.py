"""The short form for one letter, and what the list of letters can be narrowed by."""

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from exchange.choices import Direction, PaperReason
from exchange.forms.inputs import Choice, Day, Line
from exchange.models import PaperExchange
from registry.models import Agency, Dataset

SUGGESTED = 200  # agencies and datasets that the browser offers while somebody types
MOST_DAYS = 3_650
MOST_RECORDS = 2_000_000_000


def _width(name: str) -> int:
    return PaperExchange._meta.get_field(name).max_length


def _typed(list_id: str) -> forms.TextInput:
    return forms.TextInput(attrs={"list": list_id, "autocomplete": "off"})


class PaperForm(forms.Form):
    """One letter. Agencies and datasets are typed, by name or code: choosing from thousands takes longer than the letter."""

    direction = Choice(label=_("Who asked whom?"), choices=Direction, widget=forms.RadioSelect)
    other = Line(
        label=_("The other agency"),
        help_text=_("Name or code; any other organisation by its name."),
        max_length=_width("other_name"),
        widget=_typed("agencies"),
    )
    letter_number = Line(label=_("Number and notation of the letter"), max_length=_width("letter_number"))
    letter_day = Day(label=_("Day of the letter"))
    information = Line(
        label=_("What was asked for"),
        help_text=_("The kind of information, without names of people: for example “marital status of applicants”."),
        max_length=_width("information"),
    )
    reason = Choice(label=_("Why by letter?"), choices=[("", "—"), *PaperReason.choices])
    dataset = Line(
        label=_("Dataset that could replace it (optional)"),
        help_text=_("Title or code of a published dataset."),
        max_length=300,
        required=False,
        widget=_typed("datasets"),
    )
    records = forms.IntegerField(
        label=_("Records it was about (optional)"), min_value=1, max_value=MOST_RECORDS, required=False
    )
    days_taken = forms.IntegerField(
        label=_("Days until the answer (optional)"), min_value=0, max_value=MOST_DAYS, required=False
    )

    def __init__(self, data=None, *, agency: Agency, exchange: PaperExchange | None = None, **kwargs):
        self.agency = agency
        initial = _initial_of(exchange) if exchange else {"letter_day": timezone.localdate(), **kwargs.pop("like", {})}
        super().__init__(data, initial=initial, **kwargs)

    def clean_other(self) -> str:
        typed = self.cleaned_data["other"]
        found = _named(Agency.objects.exclude(pk=self.agency.pk), typed, "name_vi", "name_en")
        if found is None and _named(Agency.objects.filter(pk=self.agency.pk), typed, "name_vi", "name_en"):
            raise forms.ValidationError(_("A letter goes to another agency."))
        self.other_agency = found
        return typed

    def clean_letter_day(self):
        day = self.cleaned_data["letter_day"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("Enter a day that is not in the future."))
        return day

    def clean_dataset(self) -> Dataset | None:
        typed = self.cleaned_data["dataset"]
        if not typed:
            return None
        found = _named(Dataset.objects.published(), typed, "title_vi", "title_en")
        if found is None:
            raise forms.ValidationError(
                _("No published dataset has this title or code. Choose one from the list, or leave it empty.")
            )
        return found

    def content(self) -> dict:
        """What the service stores."""
        found = self.other_agency
        return {
            **{name: value for name, value in self.cleaned_data.items() if name != "correction"},
            "other": found,
            "other_name": "" if found else self.cleaned_data["other"],
        }

    @cached_property
    def agencies(self) -> list[Agency]:
        """Suggestions: those that hold data, which are asked most."""
        owners = Agency.objects.current().filter(databases__isnull=False).exclude(pk=self.agency.pk)
        return list(owners.distinct().order_by("name_vi")[:SUGGESTED])

    @cached_property
    def datasets(self) -> list[Dataset]:
        return list(Dataset.objects.published().order_by("title_vi")[:SUGGESTED])


class CorrectionForm(PaperForm):
    correction = Line(label=_("Why is it corrected? (optional)"), max_length=_width("correction"), required=False)


class TakeBackForm(forms.Form):
    correction = Line(label=_("Why is it taken back?"), max_length=_width("correction"))


def _initial_of(exchange: PaperExchange) -> dict:
    own = ("direction", "letter_number", "letter_day", "information", "reason", "records", "days_taken")
    return {
        **{name: getattr(exchange, name) for name in own},
        "other": exchange.other_side,
        "dataset": exchange.dataset.title if exchange.dataset_id else "",
    }


def _named(rows, typed: str, *names: str):
    """The row with this code or name, whatever the case; None where there is none, or more than one of the name."""
    by_code = rows.filter(code__iexact=typed).first()
    if by_code:
        return by_code
    condition = Q()
    for name in names:
        condition |= Q(**{f"{name}__iexact": typed})
    found = list(rows.filter(condition)[:2])
    return found[0] if len(found) == 1 else None


class PaperFilterForm(forms.Form):
    """What the list can be narrowed by; the address keeps it."""

    q = Line(label=_("Search"), max_length=100, required=False, widget=forms.TextInput(attrs={"type": "search"}))
    direction = Choice(label=_("Who asked"), choices=[("", _("All")), *Direction.choices], required=False)
    reason = Choice(label=_("Why by letter"), choices=[("", _("All")), *PaperReason.choices], required=False)
    since = Day(label=_("From"), required=False)
    until = Day(label=_("To"), required=False)

    searched = (
        "letter_number",
        "information",
        "other_name",
        "other__name_vi",
        "other__name_en",
        "other__code",
        "dataset__title_vi",
        "dataset__title_en",
    )

    def narrow(self, rows):
        data = self.cleaned_data
        for name, lookup in (
            ("direction", "direction"),
            ("reason", "reason"),
            ("since", "letter_day__gte"),
            ("until", "letter_day__lte"),
        ):
            if data[name]:
                rows = rows.filter(**{lookup: data[name]})
        if data["q"]:
            found = Q()
            for name in self.searched:
                found |= Q(**{f"{name}__icontains": data["q"]})
            rows = rows.filter(found)
        return rows

    @property
    def narrows(self) -> bool:
        return not self.is_valid() or any(self.cleaned_data.values())
