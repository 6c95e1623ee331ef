"""The request form: three screens over one draft. An incomplete draft may be saved, a wrong value may not."""

from django import forms
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from exchange.choices import ConsentBasis, EmergencyGround, Frequency, OnwardSharing, SystemLevel, Urgency
from exchange.forms.dataset import published
from exchange.forms.inputs import NOT_OFFERED, Block, Choice, Choices, Day, Email, Line, Phone
from exchange.forms.row_filters import FilterLines
from exchange.models import ExchangeRequest
from exchange.offers import Offer, obstacle, offer_to
from exchange.services import completeness, deadlines
from registry.choices import FileFormat, Mode, PersonalData, Purpose
from registry.errors import RegistryRefusal
from registry.models import Dataset, LegalInstrument, Membership, User
from registry.services import laws
from registry.terms import grouped

MOST_SUGGESTED = 200  # laws that the browser offers while a number is typed


def _width(name: str) -> int:
    return ExchangeRequest._meta.get_field(name).max_length


class StepForm(forms.Form):
    """One screen. `notes` are what the owner asked to change, by field."""

    # Left out, these keep their value: the column has no empty one.
    kept: tuple[str, ...] = ()

    def __init__(self, data=None, *, draft: ExchangeRequest, notes: dict | None = None):
        self.draft = draft
        self.notes = notes or {}
        super().__init__(data, initial=self.initial_of(draft))
        self.prepare()
        for name, note in self.notes.items():
            if name in self.fields:
                self.fields[name].help_text = _with_note(self.fields[name].help_text, note)

    def prepare(self) -> None:
        """Fill in the choices that depend on the draft."""

    def initial_of(self, draft: ExchangeRequest) -> dict:
        return {name: getattr(draft, name) for name in self.base_fields if hasattr(draft, name)}

    def content(self) -> dict:
        """What `save_draft` stores of this screen."""
        return {name: value for name, value in self.cleaned_data.items() if value != "" or name not in self.kept}

    @property
    def basis_problems(self) -> list[str]:
        """What stands against the law that the saved draft cites; it can be saved all the same, and not sent."""
        return completeness.basis_problems(self.draft)

    @property
    def people(self):
        """Who is named, where this screen asks for it."""
        return None

    @cached_property
    def obstacle(self) -> str | Promise:
        """Why nothing can be chosen, where nothing can."""
        return obstacle(self.draft.consumer, self.draft.dataset)

    @cached_property
    def offer(self) -> Offer:
        return offer_to(self.draft.consumer, self.draft.dataset)


def _rows_at_most(offer: Offer) -> str:
    """One number, or one for each method where they differ."""
    by_mode = offer.max_rows_by_mode
    if len(set(by_mode.values())) > 1:
        return "; ".join(f"{mode.label}: {grouped(rows)}" for mode, rows in by_mode.items())
    return grouped(offer.max_rows)


def _or(lists: list[list[str]]) -> str:
    return " / ".join(", ".join(limits) for limits in lists)


def _with_note(help_text, note: str):
    return format_html(
        '{}<div class="notice notice-warning"><strong>{}</strong> {}</div>', help_text, _("The owner asks:"), note
    )


def suggest(form: forms.Form, found: dict[str, str]) -> None:
    """Say beside its field what a scanned letter seems to say; the clerk types what is right."""
    for name, text in found.items():
        if name in form.fields:
            field = form.fields[name]
            field.help_text = format_html(
                '{}<div class="from-letter"><strong>{}</strong> <q>{}</q></div>',
                field.help_text,
                _("From the letter:"),
                text,
            )


class DataForm(StepForm):
    dataset = Line(label=_("Dataset"), max_length=120, required=False, widget=forms.HiddenInput)
    field_names = Choices(label=_("Fields"), required=False)
    mode = Choice(label=_("Method"), required=False, widget=forms.RadioSelect)
    file_format = Choice(label=_("File format"), choices=FileFormat, required=False, widget=forms.RadioSelect)
    frequency = Choice(label=_("Frequency"), choices=Frequency, required=False, widget=forms.RadioSelect)
    row_limit = forms.IntegerField(
        label=_("Rows at most (optional)"),
        min_value=1,
        required=False,
        error_messages={"invalid": _("Enter a number.")},
    )

    kept = ("mode", "file_format", "frequency")

    def __init__(self, data=None, **kwargs):
        super().__init__(data, **kwargs)
        saved = [line for line in self.draft.row_filter if line["field"] in self.filterable]
        self.lines = FilterLines(data, filterable=self.offer.filterable, saved=saved)

    def initial_of(self, draft: ExchangeRequest) -> dict:
        return {**super().initial_of(draft), "dataset": draft.dataset.code}

    def prepare(self) -> None:
        offered = self.fields["field_names"]
        offered.choices = [(name, one.field.title) for name, one in self.offer.fields.items()]
        offered.error_messages["invalid_choice"] = _(
            "A field that is not offered was asked for. Choose from the list below."
        )
        self._offer_ways()
        if self.offer.max_rows:
            limit = self.fields["row_limit"]
            limit.max_value = limit.widget.attrs["max"] = self.offer.max_rows
            limit.help_text = _("Left empty, it is what the owner allows at most: %(rows)s.") % {
                "rows": _rows_at_most(self.offer)
            }

    def _offer_ways(self) -> None:
        offer = self.offer
        self.fields["mode"].choices = [(mode.value, mode.label) for mode in offer.methods]
        if len(offer.methods) == 1:
            self.initial["mode"] = offer.methods[0]
        frequency = self.fields["frequency"]
        frequency.choices = [(one.value, one.label) for one in offer.frequencies]
        if len(offer.frequencies) == 1:
            self.initial["frequency"] = offer.frequencies[0]
        if Mode.PACKAGE in offer.methods and Mode.RECURRING not in offer.modes:
            frequency.help_text = _("The owner gives each package once.")
        limits = [f"{mode.label}: {_or(lists)}" for mode, lists in offer.limits_by_mode.items() if lists]
        if limits:
            self.fields["mode"].help_text = _("The owner limits how much can be taken. %(limits)s.") % {
                "limits": "; ".join(limits)
            }

    @property
    def filterable(self) -> set[str]:
        return {field.name for field in self.offer.filterable}

    @cached_property
    def gone(self) -> list[str]:
        """What the draft asks for and nobody offers any more: it goes when the screen is saved."""
        lines = {line["field"] for line in self.draft.row_filter} - self.filterable
        return sorted({name for name in self.draft.field_names if name not in self.offer.fields} | lines)

    @property
    def rows(self) -> list[dict]:
        """The tick-list: each offered field, and whether it is ticked."""
        ticked = set(self["field_names"].value() or ())
        return [
            {"id": f"id_field_names_{number}", "offered": one, "name": name, "is_ticked": name in ticked}
            for number, (name, one) in enumerate(self.offer.fields.items())
        ]

    def clean_dataset(self) -> Dataset:
        dataset = published(self.cleaned_data["dataset"] or self.draft.dataset.code)
        if dataset != self.draft.dataset:
            raise forms.ValidationError(_("Another dataset was chosen meanwhile. Reload the page."))
        return dataset

    def clean_row_limit(self) -> int | None:
        rows = self.cleaned_data["row_limit"]
        most = self.offer.max_rows_by_mode.get(self.way, self.offer.max_rows)
        if rows and most and rows > most:
            raise forms.ValidationError(_("The owner allows fewer rows: see above."))
        return rows

    @property
    def way(self) -> str:
        """What policies call the method that was chosen; the frequency comes after the rows and is read as it was sent."""
        mode = self.cleaned_data.get("mode", "")
        again = self.data.get("frequency") not in (None, "", Frequency.ONCE)
        return Mode.RECURRING if mode == Mode.PACKAGE and again else mode

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.lines.is_valid()])

    def content(self) -> dict:
        return {**super().content(), "row_filter": self.lines.conditions}


class BasisForm(StepForm):
    letter_number = Line(
        label=_("Number and notation of your letter"),
        help_text=_("For example 2051/BTTTT-THH."),
        max_length=_width("letter_number"),
        required=False,
    )
    letter_day = Day(label=_("Day of your letter (optional)"), required=False)
    letter_subject = Line(label=_("Subject of your letter"), max_length=_width("letter_subject"), required=False)
    urgency = Choice(label=_("Urgency"), choices=Urgency, required=False)
    signatory_name = Line(label=_("Signing officer"), max_length=_width("signatory_name"), required=False)
    signatory_position = Line(
        label=_("Position of the signing officer"), max_length=_width("signatory_position"), required=False
    )
    focal_name = Line(label=_("Focal officer"), max_length=_width("focal_name"), required=False)
    focal_position = Line(label=_("Position of the focal officer"), max_length=_width("focal_position"), required=False)
    focal_phone = Phone(label=_("Phone of the focal officer"), max_length=_width("focal_phone"), required=False)
    focal_email = Email(label=_("E-mail of the focal officer"), max_length=_width("focal_email"), required=False)
    legal_basis = Line(
        label=_("Legal basis"),
        help_text=_("Number of a law in force, however you type it: 278/2025/NĐ-CP or nghi dinh 278/2025."),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"list": "laws-in-force", "autocomplete": "off"}),
    )
    legal_article = Line(label=_("Article, clause"), max_length=_width("legal_article"), required=False)
    purpose = Choice(label=_("Purpose"), required=False, widget=forms.RadioSelect)
    reason = Block(
        label=_("Reason"),
        help_text=_("What you need the data for, and why just these fields and rows."),
        max_length=_width("reason"),
        required=False,
    )
    procedure_code = Line(
        label=_("Administrative procedure code (optional)"), max_length=_width("procedure_code"), required=False
    )
    consent_basis = Choice(label=_("Personal data"), required=False, widget=forms.RadioSelect)

    kept = ("urgency",)

    def initial_of(self, draft: ExchangeRequest) -> dict:
        return {**super().initial_of(draft), "legal_basis": draft.legal_basis.number if draft.legal_basis else ""}

    def prepare(self) -> None:
        purposes = self.offer.purposes or tuple(Purpose)
        self.fields["purpose"].choices = [(purpose.value, purpose.label) for purpose in purposes]
        grounds = self.fields["consent_basis"]
        grounds.choices = ConsentBasis.choices
        if self.asks_personal_data:
            grounds.choices = [one for one in ConsentBasis.choices if one[0] != ConsentBasis.NOT_PERSONAL]
            grounds.help_text = _(
                "The fields that you chose hold personal data: on which ground may your agency use it?"
            )

    @cached_property
    def asks_personal_data(self) -> bool:
        asked = (self.offer.fields.get(name) for name in self.draft.field_names)
        return any(one and one.field.personal_data != PersonalData.NONE for one in asked)

    def clean_legal_basis(self) -> LegalInstrument | None:
        typed = self.cleaned_data["legal_basis"]
        try:
            return laws.named(typed) if typed else None
        except RegistryRefusal as refusal:
            raise forms.ValidationError(str(refusal)) from None

    @cached_property
    def suggestions(self) -> list[LegalInstrument]:
        """What the browser offers while a number is typed; any other that is recorded can be typed, too."""
        return list(LegalInstrument.objects.in_force().order_by("number")[:MOST_SUGGESTED])


class UseForm(StepForm):
    is_emergency = forms.BooleanField(
        label=_("This is an emergency: it cannot wait for the ordinary way"),
        required=False,
    )
    emergency_ground = Choice(
        label=_("What is the emergency?"), choices=EmergencyGround, required=False, widget=forms.RadioSelect
    )
    emergency_reason = Block(label=_("Why can it not wait?"), max_length=_width("emergency_reason"), required=False)
    period_from = Day(label=_("Use from"), required=False)
    period_to = Day(label=_("Use to"), required=False)
    retention_until = Day(
        label=_("Kept until"),
        help_text=_("When your agency deletes the data; at least until the end of its use."),
        required=False,
    )
    onward_sharing = Choice(label=_("Onward sharing"), choices=OnwardSharing, required=False, widget=forms.RadioSelect)
    onward_agencies = Line(
        label=_("Agencies that receive it too"), max_length=_width("onward_agencies"), required=False
    )
    security_measures = Block(
        label=_("Security measures"),
        help_text=_("How the data is protected: who has access, where it is stored, how it is deleted."),
        max_length=_width("security_measures"),
        required=False,
    )
    system_level = Choice(
        label=_("Security level of the system that holds the data"),
        choices=[("", "—"), *SystemLevel.choices],
        required=False,
    )
    named_users = Choices(
        label=_("Who may use the data"),
        help_text=_("Only these people and systems of your agency can download it or look records up."),
        required=False,
    )
    has_state_secret = forms.TypedChoiceField(
        label=_("Does the request, or the data asked for, contain state secrets?"),
        choices=[("no", _("No")), ("yes", _("Yes"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
        error_messages=NOT_OFFERED,
    )
    undertaking = forms.BooleanField(
        label=_("My agency undertakes to use the data for the stated purpose only, and to delete it in time."),
        required=False,
    )

    kept = ("onward_sharing",)

    def initial_of(self, draft: ExchangeRequest) -> dict:
        secret = {True: "yes", False: "no"}.get(draft.has_state_secret, "")
        named = [str(user.public_id) for user in draft.named_users.all()]
        return {**super().initial_of(draft), "has_state_secret": secret, "named_users": named}

    def prepare(self) -> None:
        self.colleagues = {str(user.public_id): user for user in colleagues_of(self.draft.consumer)}
        self.fields["named_users"].choices = [(key, _described(user)) for key, user in self.colleagues.items()]
        self.emergency_days = deadlines.longest_emergency()
        if self.offer.max_days:
            self.fields["period_to"].help_text = _("The owner shares for %(days)s days at most.") % {
                "days": self.offer.max_days
            }

    def clean(self) -> dict:
        data = super().clean()
        start, end = data.get("period_from"), data.get("period_to")
        if start and end and end < start:
            self.add_error("period_to", _("The end lies before the start."))
        if "stay" not in self.data and data.get("named_users") == []:
            self.add_error("named_users", _("Name at least one person or system who uses the data."))
        return data

    def content(self) -> dict:
        content = super().content()
        del content["named_users"]
        return content

    @property
    def people(self) -> list[User]:
        return [self.colleagues[key] for key in self.cleaned_data["named_users"]]


def colleagues_of(agency):
    """Everybody who works for the agency today, its systems included."""
    today = Membership.objects.today().filter(agency=agency).values("user")
    return User.objects.filter(pk__in=today, is_active=True).order_by("full_name", "pk")


def _described(user: User) -> str:
    return f"{user} – {user.position}" if user.position else str(user)


STEPS: dict[int, type[StepForm]] = {1: DataForm, 2: BasisForm, 3: UseForm}
TITLES = {1: _("The data"), 2: _("Letter and legal basis"), 3: _("Use and safety")}
