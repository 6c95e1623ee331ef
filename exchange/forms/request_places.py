"""On which screen of the request form something is to be mended."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exchange.forms.request import STEPS, TITLES, StepForm


def places(problems: dict[str, list]) -> list[tuple[int, str, list[tuple[str, object, list]]]]:
    """Problems by screen: (screen, its title, [(field, label, messages)]); the row filter stands on the first one."""
    found = []
    for step, form in STEPS.items():
        names = [*form.base_fields, "row_filter"] if step == 1 else list(form.base_fields)
        here = [(name, _label(form, name), _telling(problems[name])) for name in names if name in problems]
        if here:
            found.append((step, TITLES[step], here))
    return found


def _telling(messages: list) -> list[str]:
    """Without the one that the list of missing fields says already."""
    return [str(message) for message in messages if str(message) != gettext("This field is needed.")]


def _label(form: type[StepForm], name: str):
    if name == "row_filter":
        return _("Row filter")
    return form.base_fields[name].label
