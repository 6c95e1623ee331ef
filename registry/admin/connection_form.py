"""The form of a connection: it asks for what the connector of the chosen engine declares, and takes nothing else."""

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry import connectors
from registry.connectors import parameters
from registry.models import Connection

# Where a parameter is entered under another name: the stored credential itself is never in a form.
ENTERED = {"credential": "new_credential"}


class ConnectionForm(forms.ModelForm):
    new_credential = forms.CharField(
        label=_("New credential"),
        required=False,
        strip=False,
        max_length=1_000,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted and never shown again. Leave it empty to keep the present one."),
    )

    class Meta:
        model = Connection
        fields = ["engine", "host", "port", "name", "username", "sslmode", "statement_timeout"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "engine" in self.fields:
            self.fields["engine"].choices = [("", "---------"), *((e.value, _name(e)) for e in connectors.engines())]
        for name in parameters.NAMES:
            if field := self.fields.get(ENTERED.get(name, name)):
                self._describe(field, name)

    def _describe(self, field, name):
        """Say which engines use the field, and as what; the script of the page hides it from the others."""
        declared = {
            engine: parameter
            for engine in connectors.engines()
            for parameter in connectors.of(engine).parameters
            if parameter.name == name
        }
        field.widget.attrs["data-engines"] = " ".join(str(engine) for engine in declared)
        if name == "name":
            # Only the connector knows whether it can do without.
            told = [f"{engine.label}: {parameter.label}" for engine, parameter in declared.items()]
            field.help_text = " · ".join(told)
        elif name == "port":
            usual = [
                f"{engine.label}: {parameter.default}" for engine, parameter in declared.items() if parameter.default
            ]
            field.help_text = gettext("Left empty, it is the usual one. %(usual)s") % {"usual": " · ".join(usual)}
        elif name != "credential":
            field.help_text = gettext("For %(engines)s.") % {"engines": ", ".join(str(e.label) for e in declared)}

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("engine"):
            self._check_parameters(cleaned, connectors.of(cleaned["engine"]).parameters)
        moved = {"engine", "host", "port", "sslmode"} & set(self.changed_data)
        if self.keeps_credential and self.instance.credential and moved and not cleaned.get("new_credential"):
            # Else whoever may change the address could have the old credential sent to a server of their own.
            self.add_error("new_credential", _("The address changed: enter the credential again."))
        return cleaned

    @property
    def keeps_credential(self) -> bool:
        """Whether connections of the chosen engine have one at all."""
        engine = self.cleaned_data.get("engine") or self.instance.engine
        return not engine or any(parameter.secret for parameter in connectors.of(engine).parameters)

    def _check_parameters(self, cleaned, declared):
        given = {name: cleaned.get(ENTERED.get(name, name)) for name in parameters.NAMES}
        if "sslmode" not in {parameter.name for parameter in declared}:
            given["sslmode"] = None  # the list always sends one of its choices
        given = parameters.with_defaults(declared, given)
        for name, message in parameters.problems(declared, given):
            if ENTERED.get(name, name) not in self.errors:
                self.add_error(ENTERED.get(name, name), message)
        if "port" not in self.errors:
            cleaned["port"] = given["port"]


def _name(engine) -> str:
    if connectors.of(engine).tried:
        return str(engine.label)
    return gettext("%(engine)s (not tried against a server)") % {"engine": engine.label}
