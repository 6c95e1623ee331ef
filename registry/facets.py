"""The facets of a search as a reader sees them: values with their counts, and links that keep the other choices."""

from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.functional import Promise

from registry.models import Agency, LegalInstrument
from registry.search import Found

OPEN = ("theme", "access")  # unfolded from the start: short, and what most readers narrow by
SHOWN = 8  # of one facet at once; the others wait behind "more"


@dataclass(frozen=True)
class Option:
    value: str
    label: str | Promise
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class Choice:
    """Something chosen, and the address without it."""

    facet: str | Promise
    label: str | Promise
    without: str


@dataclass(frozen=True)
class Facet:
    name: str
    label: str | Promise
    first: list[Option]
    more: list[Option] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # what was asked for and is not known

    @property
    def is_open(self) -> bool:
        return self.name in OPEN or bool(self.errors) or any(option.is_chosen for option in self.first)


def build(form, found: Found | None) -> list[Facet]:
    """All facets of the form; without counts where nothing could be searched. Two statements, for names."""
    counts = found.counts if found else {}
    rows = {
        "owner": Agency.objects.in_bulk(_numbers("owner", form, counts)),
        "law": LegalInstrument.objects.in_bulk(_numbers("law", form, counts)),
    }
    return [_facet(form, name, counts.get(name, {}), rows.get(name)) for name in form.facets]


def chosen(form, query: QueryDict) -> list[Choice]:
    """What narrows the list at present, each with the address that lets go of it."""
    if not form.is_valid():
        return []
    found = []
    for name in form.facets:
        labels = dict(getattr(form.fields[name], "choices", []))
        for one in form.cleaned_data[name]:
            value, label = (_code(name, one), _label(name, one)) if hasattr(one, "pk") else (one, labels[one])
            found.append(Choice(form.fields[name].label, label, _without(query, name, value)))
    return found


def _numbers(name: str, form, counts: dict) -> set[int]:
    asked = form.cleaned_data.get(name, []) if form.is_valid() else []
    return set(counts.get(name, {})) | {one.pk for one in asked}


def _facet(form, name: str, counts: dict, rows: dict | None) -> Facet:
    label, errors = form.fields[name].label, form.errors.get(name, [])
    asked = form.cleaned_data.get(name, []) if form.is_bound else []
    wanted = {getattr(one, "pk", one) for one in asked}
    if rows is None:
        known = [(value, value, text) for value, text in form.fields[name].choices]
    else:
        known = [(number, _code(name, row), _label(name, row)) for number, row in rows.items()]
    options = [
        Option(value, text, counts.get(key, 0), key in wanted)
        for key, value, text in known
        if counts.get(key) or key in wanted
    ]
    options.sort(key=lambda option: (not option.is_chosen, -option.count, str(option.label)))
    wrong = form.data.getlist(name) if errors else []
    return Facet(name, label, options[:SHOWN], options[SHOWN:], errors, wrong[:3])


def _code(name: str, row) -> str:
    return row.code if name == "owner" else row.number_key


def _label(name: str, row) -> str:
    return row.name if name == "owner" else row.number


def _without(query: QueryDict, name: str, value: str) -> str:
    left = query.copy()
    left.setlist(name, [one for one in left.getlist(name) if one != value])
    left.pop("page", None)
    for key in [key for key in left if not any(left.getlist(key))]:
        del left[key]
    return f"?{left.urlencode()}"
