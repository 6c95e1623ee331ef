"""Laws and other legal instruments, as rows with dates."""

from datetime import date

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import TrigramSimilarity
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry import legal_numbers
from registry.choices import InstrumentKind
from registry.fields import TextLine
from registry.names import in_current_language

LONGEST_SEARCH = 200
ALIKE = 0.4  # trigram similarity of numbers from which one is offered for another


# What the reference data says of itself; somebody may have written other words.
CHECKED = {
    "verified": _("Checked against published sources"),
    "partly verified": _("Partly checked: confirm the dates before citing it"),
    "not verified": _("Not checked: confirm it in the official gazette before citing it"),
}


class LegalInstrumentQuerySet(models.QuerySet):
    def in_force(self, day: date | None = None):
        day = day or timezone.localdate()
        return self.filter(effective_from__lte=day).filter(Q(effective_to__isnull=True) | Q(effective_to__gt=day))

    def not_in_force(self, day: date | None = None):
        return self.exclude(pk__in=LegalInstrument.objects.in_force(day).values("pk"))

    def numbered(self, text: str):
        """Those whose number, with its sign, is what the text says, however it is typed; none where it names no number."""
        wanted = legal_numbers.wanted(text)
        return self.filter(_like(wanted.strict)) if wanted else self.none()

    def search(self, text: str):
        """By number or words of the title, best first; numbers that only resemble what was typed where nothing fits."""
        text = text.strip()[:LONGEST_SEARCH]
        if not text:
            return self
        wanted = legal_numbers.wanted(text)
        titles = Q()
        for word in text.split()[:10]:
            titles &= Q(title_vi__unaccent__icontains=word) | Q(title_en__unaccent__icontains=word)
        ranks = [When(_like(wanted.strict), Value(0)), When(_like(wanted.loose), Value(1))] if wanted else []
        found = self.alias(rank=Case(*ranks, When(titles, Value(2)), default=Value(9)))
        fitting = found.filter(rank__lt=9)
        if wanted is None or fitting.exists():
            return fitting.order_by("rank", "-effective_from", "number")
        alike = TrigramSimilarity("number_key", legal_numbers.key_of(text))
        return self.alias(alike=alike).filter(alike__gte=ALIKE).order_by("-alike", "number")

    def with_successor(self):
        return self.select_related("replaced_by")


def _like(patterns: tuple[str, ...]) -> Q:
    """Keys and patterns hold letters, digits, hyphens and per cent signs only: nothing needs escaping."""
    condition = Q()
    for pattern in patterns:
        condition |= Q(number_key__like=pattern)
    return condition


@models.CharField.register_lookup
class Like(models.Lookup):
    """SQL's LIKE with the pattern as it is."""

    lookup_name = "like"

    def as_sql(self, compiler, connection):
        column, column_values = self.process_lhs(compiler, connection)
        pattern, pattern_values = self.process_rhs(compiler, connection)
        return f"{column} LIKE {pattern}", [*column_values, *pattern_values]


class LegalInstrument(models.Model):
    """A law, decree, decision or circular that may be cited as a basis while it is in force."""

    number = TextLine(_("number"), max_length=50, unique=True)
    number_key = models.GeneratedField(
        expression=Func(F("number"), function="registry_legal_number_key"),
        output_field=models.CharField(max_length=60),
        db_persist=True,
        verbose_name=_("number as it is compared"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=InstrumentKind, default=InstrumentKind.OTHER)
    issuer = TextLine(_("issued by"), max_length=250, blank=True)
    title_vi = TextLine(_("title (Vietnamese)"), max_length=500)
    title_en = TextLine(_("title (English)"), max_length=500, blank=True)
    issued_on = models.DateField(_("issued on"), null=True, blank=True)
    effective_from = models.DateField(_("in force from"), null=True, blank=True)
    effective_to = models.DateField(
        _("in force until"), null=True, blank=True, help_text=_("The first day on which it is no longer in force.")
    )
    replaced_by = models.ForeignKey(
        "self", verbose_name=_("replaced by"), on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    source = TextLine(_("source"), max_length=500, blank=True)
    certainty = TextLine(_("certainty"), max_length=150, blank=True)

    objects = LegalInstrumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal instrument")
        verbose_name_plural = _("legal instruments")
        ordering = ["-effective_from", "number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="registry_legalinstrument_dates",
                violation_error_message=_("An instrument cannot end before it begins."),
            ),
            models.CheckConstraint(condition=Q(kind__in=InstrumentKind.values), name="registry_legalinstrument_kind"),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | ~Q(replaced_by=F("id")),
                name="registry_legalinstrument_not_by_itself",
                violation_error_message=_("An instrument cannot be replaced by itself."),
            ),
            models.UniqueConstraint(
                fields=["number_key"],
                name="registry_legalinstrument_once",
                violation_error_message=_("This number is in the register already, perhaps typed in another way."),
            ),
        ]
        indexes = [
            GinIndex(OpClass("number_key", name="gin_trgm_ops"), name="registry_legal_number_trgm"),
        ]

    def __str__(self) -> str:
        return f"{self.number} – {self.title}"

    @property
    def title(self) -> str:
        return in_current_language(self.title_vi, self.title_en)

    @property
    def checked(self) -> str:
        """How far number, title and days were checked against what was published, in words of the reader's language."""
        return str(CHECKED.get(self.certainty, self.certainty))

    def is_in_force(self, day: date | None = None) -> bool:
        day = day or timezone.localdate()
        started = self.effective_from is not None and self.effective_from <= day
        return started and (self.effective_to is None or day < self.effective_to)


class AmendmentQuerySet(models.QuerySet):
    def on(self, day: date):
        """The amendments that have effect on `day`."""
        return self.filter(effective_from__lte=day)


class Amendment(models.Model):
    """One instrument changes parts of another from a day on; the other stays in force as changed."""

    amended = models.ForeignKey(
        LegalInstrument, verbose_name=_("amended instrument"), on_delete=models.PROTECT, related_name="amendments"
    )
    amending = models.ForeignKey(
        LegalInstrument, verbose_name=_("amending instrument"), on_delete=models.PROTECT, related_name="amends"
    )
    effective_from = models.DateField(_("with effect from"))
    parts = TextLine(_("which parts"), max_length=500, blank=True)

    objects = AmendmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("amendment")
        verbose_name_plural = _("amendments")
        ordering = ["effective_from", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(amended=F("amending")),
                name="registry_amendment_by_another",
                violation_error_message=_("An instrument cannot amend itself."),
            ),
            models.UniqueConstraint(
                fields=["amended", "amending", "effective_from"],
                name="registry_amendment_once",
                violation_error_message=_("This amendment is in the register already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amending.number} → {self.amended.number} ({self.effective_from})"
