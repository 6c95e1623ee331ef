"""What a sharing policy lets out, in words and with examples on made-up values; and what a change makes different."""

from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry import terms
from registry.choices import FieldKind, Masking, Mode, PersonalData, Purpose
from registry.connectors import masking
from registry.models import Field, PolicyField, SharingPolicy
from registry.services import policies

KEY = b"made-up values only"
NOT_SHARED_SHOWN = 60
# Made-up values by what a field's name says; the first that fits.
SAMPLES = (
    (("dinh_danh", "cccd", "cmnd", "citizen_id", "identity", "so_bhxh", "ma_so"), "097091001234"),
    (("email", "thu_dien_tu"), "an.nguyen@example.vn"),
    (("dien_thoai", "phone", "sdt"), "0912345678"),
    (("dia_chi", "address", "noi_"), "12 Lê Lợi, Hải Châu, Đà Nẵng"),
    (("ho_ten", "name", "ten"), "Nguyễn Văn An"),
)
SAMPLE_OF_KIND = {
    FieldKind.DATE: "1991-05-17",
    FieldKind.DATETIME: "1991-05-17T08:30:00",
    FieldKind.INTEGER: "12345678",
    FieldKind.NUMBER: "83.5",
    FieldKind.BOOLEAN: "true",
}
BIRTH = ("birth", "born", "ngay_sinh", "dob")


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field that is given, and what becomes of a made-up value."""

    name: str
    title: str
    category: str
    is_sensitive: bool
    masking: str
    before: str
    after: str
    is_filterable: bool

    @property
    def is_kept(self) -> bool:
        return self.after == self.before


@dataclass(frozen=True, slots=True)
class Preview:
    """A policy in words. `facts` are (term, sentences); `withheld` are the titles of what it never gives."""

    title: str
    facts: list[tuple[str, list[str]]]
    lines: list[FieldLine]
    withheld: list[str]
    withheld_personal: list[str]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different from the saved policy."""

    term: str
    before: str
    after: str


def of(policy: SharingPolicy) -> Preview:
    """The policy as its rows are now; a form that is not saved yet is saved, read and taken back."""
    policy = (
        SharingPolicy.objects.select_related("dataset__database__owner", "legal_basis")
        .prefetch_related("recipients", "policy_fields__field")
        .get(pk=policy.pk)
    )
    shared = [line for line in policy.policy_fields.all() if line.field.removed_at is None]
    shared.sort(key=lambda line: (line.field.position, line.field.name))
    given = {line.field_id for line in shared if line.masking != Masking.NULL}
    withheld = [field for field in policy.dataset.fields.shown().order_by("position", "name") if field.pk not in given]
    return Preview(
        title=policy.title,
        facts=_facts(policy),
        lines=[_line(line) for line in shared],
        withheld=[field.title for field in withheld[:NOT_SHARED_SHOWN]],
        withheld_personal=[field.title for field in withheld if field.personal_data != PersonalData.NONE],
        warnings=_warnings(policy, shared),
    )


def changes(before: Preview, after: Preview) -> list[Change]:
    """What is different, term by term and field by field."""
    found = []
    old = dict(before.facts)
    for term, sentences in after.facts:
        if sentences != old.get(term, []):
            found.append(Change(term, "; ".join(old.get(term, [])), "; ".join(sentences)))
    was, now = ({line.name: line for line in preview.lines} for preview in (before, after))
    for name in [*was, *(name for name in now if name not in was)]:
        if was.get(name) != now.get(name):
            title = (now.get(name) or was[name]).title
            found.append(Change(title, _said(was.get(name)), _said(now.get(name))))
    return found


def _said(line: FieldLine | None) -> str:
    if line is None:
        return _("not shared")
    return f"{line.masking}, {_('rows can be chosen by it')}" if line.is_filterable else line.masking


def _facts(policy: SharingPolicy) -> list[tuple[str, list[str]]]:
    told = {"dataset": policy.dataset.title, "owner": policy.dataset.database.owner.name}
    named = terms.recipients(policy)
    if policy.recipients.all() and not policy.any_agency and not policy.includes_units:
        named.append(_("Units below the named agencies may not ask."))
    rows = ngettext("%(rows)s row in one package", "%(rows)s rows in one package", policy.max_rows)
    records = ngettext(
        "%(rows)s record in all look-ups of one agreement",
        "%(rows)s records in all look-ups of one agreement",
        policy.max_rows,
    )
    many = {"rows": terms.grouped(policy.max_rows)}
    has_packages = {Mode.PACKAGE, Mode.RECURRING} & set(policy.modes)
    return [
        (_("What"), [_("“%(dataset)s” of %(owner)s") % told]),
        (_("Who may ask"), named),
        (_("For"), [str(purpose.label) for purpose in Purpose if purpose in policy.purposes]),
        (_("Given as"), terms.modes(policy)),
        (_("At most"), [
            *([rows % many] if has_packages else []),
            *([records % many] if Mode.LOOKUP in policy.modes else []),
            *terms.limits(policy),
        ]),
        (_("How long"), [
            ngettext("%(days)d day of use", "%(days)d days of use", policy.max_days) % {"days": policy.max_days},
            ngettext(
                "kept for %(days)d day from the first day of use", "kept for %(days)d days from the first day of use",
                policy.max_retention_days,
            ) % {"days": policy.max_retention_days},
        ]),
        (_("Who decides"), terms.decision(policy)),
        (_("Legal basis"), [str(policy.legal_basis)]),
        (_("Offered"), [_period(policy.valid_from, policy.valid_to)]),
    ]  # fmt: skip


def _period(start: date, end: date | None) -> str:
    told = {"start": date_format(start, "SHORT_DATE_FORMAT")}
    if end is None:
        return _("from %(start)s, without an end") % told
    return _("from %(start)s to %(end)s") % {**told, "end": date_format(end, "SHORT_DATE_FORMAT")}


def _line(shared: PolicyField) -> FieldLine:
    before = _sample(shared.field)
    return FieldLine(
        name=shared.field.name,
        title=shared.field.title,
        category=str(shared.field.get_personal_data_display()),
        is_sensitive=shared.field.personal_data == PersonalData.SENSITIVE,
        masking=str(shared.get_masking_display()),
        before=before,
        after=_masked(before, Masking(shared.masking)),
        is_filterable=policies.is_open_to_filters(shared),
    )


def _sample(field: Field) -> str:
    if field.kind in SAMPLE_OF_KIND:
        return SAMPLE_OF_KIND[field.kind]
    for parts, value in SAMPLES:
        if any(part in field.name.lower() for part in parts):
            return value
    return _("Sample text")


def _masked(value: str, how: Masking) -> str:
    """The made-up value as it would come out; empty where nothing comes out."""
    transforms = {
        Masking.ROUNDED: masking.rounded,
        Masking.YEAR: masking.year,
        Masking.PROVINCE: masking.province,
        Masking.PARTIAL: masking.partial,
        Masking.PSEUDONYM: lambda text: masking.pseudonym(KEY, text),
        Masking.NULL: lambda text: None,
    }
    return (transforms[how](value) or "") if how in transforms else value


def _warnings(policy: SharingPolicy, shared: list[PolicyField]) -> list[str]:
    found = []
    personal = [line for line in shared if line.field.personal_data != PersonalData.NONE]
    kept = [line.field for line in shared if line.masking == Masking.KEEP]
    if not shared:
        found.append(_("No field is shared yet: the policy lets nothing out."))
    if Mode.LOOKUP in policy.modes and sum(line.field.is_key and line.is_filterable for line in shared) != 1:
        found.append(_("Look-ups need exactly one key field by which rows can be chosen: without it they are refused."))
    opened = [
        line.field.title
        for line in shared
        if line.field.personal_data == PersonalData.SENSITIVE
        and policies.OPENNESS[line.masking] < policies.OPENNESS[line.field.default_masking]
    ]
    if opened:
        found.append(
            _("Sensitive fields are shared more openly than they are by default: %(fields)s")
            % {"fields": ", ".join(opened)}
        )
    keys = [field.title for field in kept if field.is_key]
    born = [field.title for field in kept if any(part in field.name.lower() for part in BIRTH)]
    if keys and born:
        found.append(
            _(
                "“%(key)s” and “%(birth)s” come out as they are: whoever has another list with them can tell whom each "
                "row is about, also where names are masked."
            )
            % {"key": keys[0], "birth": born[0]}
        )
    if policy.is_standing and personal:
        found.append(_("Personal data is granted without anybody looking at the single request."))
    if policy.any_agency and any(line.masking != Masking.NULL for line in personal):
        found.append(_("Personal data is offered to every state agency."))
    return found
