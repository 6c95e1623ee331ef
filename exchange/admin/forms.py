"""What a person states with a move. The forms check what was typed; whether the move is allowed, the services decide."""

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from exchange.admin import wording
from exchange.forms.inputs import Choices
from exchange.refusals import Refusal
from exchange.services import cases, extending
from registry.models import LegalInstrument, User

# What a return may complain about: all that the clerk writes, in the groups of the clerk's form.
POINTS = (
    (_("Data"), ("dataset", "field_names", "row_filter", "row_limit", "mode", "file_format", "frequency")),
    (
        _("Legal basis and purpose"),
        ("legal_basis", "legal_article", "purpose", "reason", "procedure_code", "consent_basis"),
    ),
    (
        _("Letter of the agency"),
        ("letter_number", "letter_day", "letter_subject", "urgency", "signatory_name", "signatory_position"),
    ),
    (_("Whom the owner can ask"), ("focal_name", "focal_position", "focal_phone", "focal_email")),
    (_("State secrets"), ("has_state_secret",)),
    (_("For how long"), ("period_from", "period_to", "retention_until")),
    (_("Who sees it"), ("named_users", "onward_sharing", "onward_agencies")),
    (_("Safety"), ("security_measures", "system_level", "undertaking")),
)
RETURNABLE = tuple(name for _title, names in POINTS for name in names)


class Reason(forms.CharField):
    def __init__(self, **kwargs):
        kwargs.setdefault("label", _("Reason"))
        super().__init__(max_length=4_000, widget=forms.Textarea(attrs={"rows": 4}), **kwargs)


class MoveForm(forms.Form):
    """A form about one object; `thing` is what the page is about."""

    required_css_class = "required"

    def __init__(self, *args, thing, **kwargs):
        self.thing = thing
        super().__init__(*args, **kwargs)

    def refuse(self, refusal: Refusal) -> None:
        """Show why the service refused, beside the fields that it names; what was typed stays."""
        named = {name: problems for name, problems in refusal.fields.items() if name in self.fields and problems}
        for name, problems in named.items():
            self.add_error(name, [str(problem) for problem in problems])
        if not named:
            self.add_error(None, str(refusal))


class HandOverForm(MoveForm):
    officer = forms.ModelChoiceField(
        label=_("New case officer"),
        queryset=User.objects.none(),
        help_text=_("Case officers of your agency who are assigned to the database. The colleague is told."),
    )

    def __init__(self, *args, thing, **kwargs):
        super().__init__(*args, thing=thing, **kwargs)
        self.fields["officer"].queryset = cases.officers_for(thing.case)


class ReasonForm(MoveForm):
    reason = Reason(help_text=_("The other agency reads it."))


NOW, LATER = "now", "later"


class StopForm(ReasonForm):
    """Suspending or revoking at once, or from a later day where that can be announced. Neither is chosen beforehand."""

    when = forms.ChoiceField(
        label=_("When"),
        choices=[(LATER, _("From a later day, with notice")), (NOW, _("At once, without notice: in an emergency"))],
        widget=forms.RadioSelect,
    )
    takes_effect_on = forms.DateField(
        label=_("From"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    field_order = ["when", "takes_effect_on", "reason"]

    def __init__(self, *args, thing, **kwargs):
        kwargs.setdefault("initial", {"takes_effect_on": thing.earliest_stop})
        super().__init__(*args, thing=thing, **kwargs)
        # Whoever chose a later day before somebody else was faster must meet that refusal, not an end at once.
        if thing.announce_refusal and self.data.get("when") != LATER:
            del self.fields["when"], self.fields["takes_effect_on"]
            return
        field = self.fields["takes_effect_on"]
        days = {"earliest": thing.earliest_stop, "latest": thing.latest_stop}
        field.widget.attrs |= {"min": days["earliest"].isoformat(), "max": days["latest"].isoformat()}
        field.help_text = _(
            "With notice only: from %(earliest)s to %(latest)s. Nothing is given from 00:00 of that day on."
        ) % {name: wording.day(day) for name, day in days.items()}

    @property
    def is_later(self) -> bool:
        return self.cleaned_data.get("when") == LATER

    def clean(self) -> dict:
        answers = super().clean()
        if self.is_later and not answers.get("takes_effect_on") and "takes_effect_on" not in self.errors:
            self.add_error("takes_effect_on", _("Say from which day on."))
        return answers


class ExtensionForm(MoveForm):
    working_days = forms.IntegerField(label=_("Working days more"), min_value=1)
    reason = Reason(help_text=_("The other agency reads it."))

    def __init__(self, *args, thing, **kwargs):
        super().__init__(*args, thing=thing, **kwargs)
        most = extending.most_days(thing.case)
        field = self.fields["working_days"]
        field.widget.attrs["max"] = str(most)
        field.help_text = _("At most %(most)d: as many as the term has. A term is lengthened once.") % {"most": most}


class DecisionForm(MoveForm):
    """A decision names the revision that was on the page."""

    revision_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args, thing, **kwargs):
        kwargs.setdefault("initial", {})
        kwargs["initial"].setdefault("revision_hash", thing.revision.content_hash)
        super().__init__(*args, thing=thing, **kwargs)


class ApproveForm(DecisionForm):
    warnings_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    fields_kept = Choices(
        label=_("Fields to share"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Untick what is not to be shared. What is left out is offered to the agency as a narrower scope."),
        error_messages={"required": _("Nothing would be left to share: reject the request instead.")},
    )
    row_limit = forms.IntegerField(label=_("Rows at most"), min_value=1)
    period_to = forms.DateField(
        label=_("Until"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = Reason(
        label=_("Comment"),
        required=False,
        help_text=_("Needed if you leave out or shorten anything. The other agency reads it."),
    )

    def __init__(self, *args, thing, **kwargs):
        asked, agreed = thing.scope, thing.agreed_scope
        kwargs["initial"] = {
            "fields_kept": agreed.field_names,
            "row_limit": agreed.row_limit,
            "period_to": agreed.period_to,
            "warnings_hash": thing.overlaps.digest,
        }
        super().__init__(*args, thing=thing, **kwargs)
        # All that was asked for: what an approver before left out, the service refuses by its rule and on record.
        self.fields["fields_kept"].choices = [(line["name"], line["title"]) for line in thing.lines]
        self._limit("row_limit", asked.row_limit, self._about_rows())
        self._limit("period_to", asked.period_to, _("Asked for: until %s.") % wording.day(asked.period_to))

    def _limit(self, name: str, most, help_text: str) -> None:
        field = self.fields[name]
        field.help_text = help_text
        field.widget.attrs["max"] = str(most)

    def _about_rows(self) -> str:
        estimated = self.thing.dataset.estimated_rows if self.thing.dataset else None
        sentences = [_("Asked for: at most %s rows.") % wording.number(self.thing.scope.row_limit)]
        if estimated is not None:
            sentences.append(_("The dataset holds about %s rows, before any filter.") % wording.number(estimated))
        sentences.append(
            _(
                "If the source holds more rows than this, nothing is delivered: leave it as it is, unless so many rows "
                "must not leave the house."
            )
        )
        return " ".join(map(str, sentences))

    def clean_row_limit(self):
        most = self.thing.scope.row_limit
        if self.cleaned_data["row_limit"] > most:
            raise forms.ValidationError(_("No more than what was asked for: %s.") % wording.number(most))
        return self.cleaned_data["row_limit"]

    def clean_period_to(self):
        asked = self.thing.scope
        if not asked.period_from <= self.cleaned_data["period_to"] <= asked.period_to:
            raise forms.ValidationError(
                _("A day between %(start)s and %(end)s.")
                % {"start": wording.day(asked.period_from), "end": wording.day(asked.period_to)}
            )
        return self.cleaned_data["period_to"]

    def clean(self):
        cleaned = super().clean()
        if {"fields_kept", "row_limit", "period_to"} <= cleaned.keys() and not cleaned.get("reason", "").strip():
            agreed = self.thing.agreed_scope
            kept = agreed.narrowed(
                fields=set(cleaned["fields_kept"]), row_limit=cleaned["row_limit"], period_to=cleaned["period_to"]
            )
            if kept != agreed:
                self.add_error("reason", _("Say why less is shared than was asked for."))
        return cleaned

    def rows(self) -> list[tuple]:
        """Each tick box with what there is to know about its field."""
        agreed = set(self.thing.agreed_scope.field_names)
        lines = [{**line, "was_left_out": line["name"] not in agreed} for line in self.thing.lines]
        return list(zip(self["fields_kept"], lines, strict=True))


class ReturnForm(DecisionForm):
    reason = Reason(label=_("What is to be corrected"), help_text=_("The other agency reads it."))

    def __init__(self, *args, thing, **kwargs):
        super().__init__(*args, thing=thing, **kwargs)
        for name in RETURNABLE:
            self.fields[self._about(name)] = forms.CharField(
                label=wording.term(name), required=False, max_length=500, widget=forms.TextInput
            )

    @staticmethod
    def _about(name: str) -> str:
        return f"about_{name}"

    @cached_property
    def points(self) -> list[dict]:
        """Each field of the clerk's form with what stands there, and room for what is wrong with it, group by group."""
        return [self._group(title, names) for title, names in POINTS]

    def _group(self, title, names: tuple[str, ...]) -> dict:
        points = [{"box": self[self._about(name)], "stands": self.thing.told(name)} for name in names]
        # Open where something was written: nobody has to look for an error, or for the own words.
        is_open = any(point["box"].value() or point["box"].errors for point in points)
        return {"title": title, "points": points, "is_open": is_open}

    @property
    def field_reasons(self) -> dict[str, str]:
        found = {name: self.cleaned_data[self._about(name)].strip() for name in RETURNABLE}
        return {name: text for name, text in found.items() if text}


class RejectForm(DecisionForm):
    reason = Reason(help_text=_("It goes into the letter to the other agency."))
    legal_basis = forms.ModelChoiceField(
        label=_("Legal basis of the rejection"),
        queryset=LegalInstrument.objects.none(),
        help_text=_("Only what is in force today."),
    )

    def __init__(self, *args, thing, **kwargs):
        super().__init__(*args, thing=thing, **kwargs)
        self.fields["legal_basis"].queryset = LegalInstrument.objects.in_force().order_by("number")
