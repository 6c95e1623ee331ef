"""Which unit a code means on a day, and what became of it."""

from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from registry.errors import RegistryRefusal
from registry.models import AdministrativeUnit, UnitCode

WHOLE_COUNTRY = "VN"  # ISO 3166
LONGEST_CHAIN = 20  # changes followed, in case the rows run in a circle


def resolve(code: str, day: date | None = None) -> AdministrativeUnit:
    """The unit that the code named on `day` (today). The same code may name another one on another day."""
    day = day or timezone.localdate()
    found = UnitCode.objects.on(day).select_related("unit").filter(code=code.strip().zfill(2)).first()
    if found is None:
        raise RegistryRefusal(
            "unknown-unit",
            _("No unit had the code %(code)s on %(day)s.") % {"code": code, "day": day.strftime("%d/%m/%Y")},
        )
    return found.unit


def check_area(code: str, known: set[str] | None = None) -> None:
    """Refuse what is neither the whole country nor a unit of today; `known` are the codes of today where many are asked."""
    if code in ("", WHOLE_COUNTRY):
        return
    if code not in known if known is not None else not UnitCode.objects.today().filter(code=code).exists():
        raise RegistryRefusal(
            "unknown-unit",
            _(
                "No unit has the code %(code)s today. Write VN for the whole country, or look the code up under Provinces."
            )
            % {"code": code[:20]},
        )


def codes_of_today() -> set[str]:
    return set(UnitCode.objects.today().order_by().values_list("code", flat=True))


def area_name(code: str) -> str:
    """The area that a description names, in words; the code itself where no unit has it."""
    if code in ("", WHOLE_COUNTRY):
        return str(_("The whole country")) if code else ""
    unit = UnitCode.objects.today().select_related("unit").filter(code=code).first()
    return unit.unit.name if unit else code


def became(unit: AdministrativeUnit, day: date | None = None) -> AdministrativeUnit:
    """The unit of `day` (today) into which this one went; itself while it lasts."""
    day = day or timezone.localdate()
    for _step in range(LONGEST_CHAIN):
        if unit.became is None or unit.valid_to is None or unit.valid_to >= day:
            break
        unit = unit.became
    return unit


def translate(code: str, *, of: date, to: date | None = None) -> str:
    """The code on `to` (today) of the unit into which went what the code named on `of`."""
    to = to or timezone.localdate()
    return became(resolve(code, of), to).codes.on(to).get().code
