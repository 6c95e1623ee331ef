"""National and specialised databases, how to reach them, and what was read from their structure."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from registry import levels
from registry.choices import (
    AccessRights,
    Classification,
    Engine,
    FieldKind,
    Lifecycle,
    Masking,
    PersonalData,
    RelationKind,
)
from registry.fields import TextBlock, TextLine
from registry.models.descriptions import Described
from registry.models.laws import LegalInstrument
from registry.models.people import Agency
from registry.names import in_current_language

LONGEST_IDENTIFIER = 128  # characters: SQL Server and Oracle go furthest; PostgreSQL has 63 bytes
LONGEST_TYPE = 200
VALUES_SHOWN = 12
SLUG = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", _("Lower-case letters, digits and single hyphens only."))


class DatabaseQuerySet(models.QuerySet):
    def published(self):
        """Those in use of which something is published."""
        published = Dataset.objects.published().filter(database=models.OuterRef("pk"))
        return self.filter(models.Exists(published), lifecycle=Lifecycle.ACTIVE)


class Database(models.Model):
    """A database that an agency keeps under a law, and which others may ask data from."""

    code = models.CharField(_("code"), max_length=60, unique=True, validators=[SLUG])
    name_vi = TextLine(_("name (Vietnamese)"), max_length=250)
    name_en = TextLine(_("name (English)"), max_length=250, blank=True)
    description = TextBlock(_("description"), blank=True)
    owner = models.ForeignKey(Agency, verbose_name=_("owner"), on_delete=models.PROTECT, related_name="databases")
    legal_basis = models.ForeignKey(
        LegalInstrument, verbose_name=_("legal basis"), on_delete=models.PROTECT, related_name="databases"
    )
    classification = models.CharField(
        _("classification"), max_length=20, choices=Classification, default=Classification.RESTRICTED
    )
    lifecycle = models.CharField(_("state"), max_length=20, choices=Lifecycle, default=Lifecycle.DRAFT)
    contact = TextLine(_("contact for questions"), max_length=250, blank=True)
    contact_email = models.EmailField(_("e-mail for questions"), blank=True, default="", db_default="")
    min_quorum = models.PositiveSmallIntegerField(
        _("approvers needed at least"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(9)],
        help_text=_(
            "No sharing policy of this database may ask for fewer. From two on, nothing is granted by standing permission."
        ),
    )
    undecided_since = models.DateTimeField(
        _("without anybody who decides since"), null=True, blank=True, editable=False
    )

    objects = DatabaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("database")
        verbose_name_plural = _("databases")
        ordering = ["code"]
        permissions = [
            ("handle_requests", _("May handle requests for this database")),
            ("review_requests", _("May advise on requests for this database")),
            ("decide_requests", _("May decide on requests for this database")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values), name="registry_database_classification"
            ),
            models.CheckConstraint(condition=Q(lifecycle__in=Lifecycle.values), name="registry_database_lifecycle"),
            models.CheckConstraint(
                condition=Q(min_quorum__gte=1, min_quorum__lte=9), name="registry_database_min_quorum"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_current_language(self.name_vi, self.name_en)


class Connection(models.Model):
    """How the portal reaches a database: address, account, and the encrypted credential that nobody can read back."""

    database = models.OneToOneField(
        Database, verbose_name=_("database"), on_delete=models.PROTECT, related_name="connection"
    )
    engine = models.CharField(_("engine"), max_length=20, choices=Engine)
    host = models.CharField(_("host"), max_length=250, blank=True)
    port = models.PositiveIntegerField(
        _("port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65_535)]
    )
    name = models.CharField(_("database name or file"), max_length=250)
    username = models.CharField(_("account"), max_length=100, blank=True)
    credential = models.TextField(_("credential (encrypted)"), blank=True, editable=False)
    sslmode = models.CharField(
        _("TLS"),
        max_length=15,
        default="verify-full",
        choices=[(mode, mode) for mode in ("disable", "prefer", "require", "verify-ca", "verify-full")],
    )
    statement_timeout = models.PositiveIntegerField(
        _("statement timeout (s)"), default=900, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    checked_at = models.DateTimeField(_("last check"), null=True, blank=True, editable=False)
    check_ok = models.BooleanField(_("reachable"), null=True, editable=False)
    check_message = models.CharField(_("result of the last check"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["database"]
        constraints = [
            models.CheckConstraint(condition=Q(engine__in=Engine.values), name="registry_connection_engine"),
            models.CheckConstraint(
                condition=Q(checked_at__isnull=True, check_ok__isnull=True)
                | Q(checked_at__isnull=False, check_ok__isnull=False),
                name="registry_connection_check_paired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_engine_display()} · {self.database}"


class DatasetQuerySet(models.QuerySet):
    def published(self):
        """What the public may read about: metadata only, never the data."""
        return self.filter(is_published=True, database__lifecycle=Lifecycle.ACTIVE, removed_at__isnull=True)

    def with_owner(self):
        return self.select_related("database__owner", "database__legal_basis", "applicable_legislation")

    def with_fields(self):
        return self.prefetch_related(
            models.Prefetch("fields", Field.objects.filter(removed_at__isnull=True).order_by("position"))
        )

    def search(self, words: str):
        """Datasets in which every word occurs, with or without accents, in titles, owner, database, law or fields."""
        if not words.strip():
            return self
        document = RawSQL(  # one constant statement; the words are a parameter
            "SELECT dataset_id FROM registry_searchdocument WHERE plain @@ registry_query(registry_plain(%s))",
            [words[:200]],
        )
        return self.filter(pk__in=document)


class Dataset(Described):
    """One table or view of a database, described so that others can find it and ask for it."""

    database = models.ForeignKey(
        Database, verbose_name=_("database"), on_delete=models.PROTECT, related_name="datasets"
    )
    code = models.CharField(_("code"), max_length=120, unique=True, validators=[SLUG])
    schema_name = models.CharField(_("schema in the source"), max_length=LONGEST_IDENTIFIER, blank=True)
    table_name = models.CharField(_("table in the source"), max_length=LONGEST_IDENTIFIER)
    relation_kind = models.CharField(
        _("kind in the source"), max_length=20, choices=RelationKind, default=RelationKind.TABLE, editable=False
    )
    partition_by = models.TextField(_("partitioned by"), blank=True, editable=False)
    partitions = models.PositiveIntegerField(_("partitions"), null=True, blank=True, editable=False)
    structure_version = models.CharField(_("version of the structure"), max_length=20, blank=True, editable=False)
    structure_changed_at = models.DateTimeField(_("structure changed on"), null=True, blank=True, editable=False)
    access_rights = models.CharField(_("access"), max_length=20, choices=AccessRights, default=AccessRights.RESTRICTED)
    applicable_legislation = models.ForeignKey(
        LegalInstrument,
        verbose_name=_("applicable legislation"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="datasets",
    )
    estimated_rows = models.BigIntegerField(_("rows (estimate)"), null=True, blank=True)
    is_published = models.BooleanField(_("published in the catalogue"), default=False)
    is_state_secret = models.BooleanField(_("contains state secrets"), default=False)
    removed_at = models.DateTimeField(_("gone from the source"), null=True, blank=True, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_state_secret=False),
                name="registry_dataset_no_state_secret",
                violation_error_message=_("State secrets are not for this portal: this dataset cannot be registered."),
            ),
            models.CheckConstraint(
                condition=Q(access_rights__in=AccessRights.values), name="registry_dataset_access_rights"
            ),
            models.CheckConstraint(
                condition=Q(relation_kind__in=RelationKind.values), name="registry_dataset_relation_kind"
            ),
            models.UniqueConstraint(
                fields=["database", "schema_name", "table_name"], name="registry_dataset_once_per_table"
            ),
            *Described.Meta.constraints,
        ]

    def get_absolute_url(self) -> str:
        return reverse("registry:dataset-detail", args=[self.code])

    @property
    def personal_data(self) -> PersonalData:
        """The highest category among the fields."""
        present = {field.personal_data for field in self.fields.all()}
        for level in (PersonalData.SENSITIVE, PersonalData.BASIC):
            if level in present:
                return level
        return PersonalData.NONE

    @property
    def level(self) -> Classification:
        """The highest among the fields; one that nobody classified counts as the database, so nothing is lower by mistake."""
        present = (field.classification for field in self.fields.all() if field.removed_at is None)
        return levels.highest(present, otherwise=self.database.classification)


class FieldQuerySet(models.QuerySet):
    def shown(self):
        return self.filter(removed_at__isnull=True)

    def named(self, words: str):
        """Those whose name and titles hold all the words, with or without accents: one index answers it."""
        text = models.Func(
            "name", "title_vi", "title_en", function="registry_field_text", output_field=models.TextField()
        )
        found = self.alias(text=text)
        for word in words.split()[:10]:
            found = found.filter(text__contains=models.Func(models.Value(word), function="registry_plain"))
        return found


class Field(models.Model):
    """One column of a dataset."""

    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, related_name="fields")
    name = models.CharField(_("column in the source"), max_length=LONGEST_IDENTIFIER)
    position = models.PositiveIntegerField(_("position"))
    native_type = models.CharField(_("type in the source"), max_length=LONGEST_TYPE)
    kind = models.CharField(_("kind"), max_length=20, choices=FieldKind)
    nullable = models.BooleanField(_("may be empty"), default=True)
    is_key = models.BooleanField(_("identifies a record"), default=False)
    allowed_values = ArrayField(
        models.TextField(), verbose_name=_("allowed values"), default=list, blank=True, editable=False
    )
    domain = models.CharField(_("domain in the source"), max_length=LONGEST_TYPE, blank=True, editable=False)
    is_generated = models.BooleanField(_("computed by the source"), default=False, editable=False)
    has_default = models.BooleanField(_("has a default"), default=False, editable=False)
    # What a foreign key of this column alone points to: schema, table, column.
    refers_to = ArrayField(models.TextField(), verbose_name=_("refers to"), default=list, blank=True, editable=False)
    title_vi = TextLine(_("title (Vietnamese)"), max_length=250, blank=True)
    title_en = TextLine(_("title (English)"), max_length=250, blank=True)
    description = TextBlock(_("description"), blank=True)
    personal_data = models.CharField(
        _("personal data"), max_length=20, choices=PersonalData, default=PersonalData.BASIC
    )
    default_masking = models.CharField(
        _("masking unless a policy says otherwise"), max_length=20, choices=Masking, default=Masking.NULL
    )
    classification = models.CharField(
        _("classification"),
        max_length=20,
        choices=Classification,
        blank=True,
        default="",
        db_default="",
        help_text=_("Empty: as the database. A dataset's classification is the highest of its fields."),
    )
    removed_at = models.DateTimeField(_("gone from the source"), null=True, blank=True, editable=False)

    objects = FieldQuerySet.as_manager()

    class Meta:
        verbose_name = _("field")
        verbose_name_plural = _("fields")
        ordering = ["dataset", "position"]
        indexes = [
            models.Index(fields=["dataset", "position"], name="registry_field_in_order"),
            models.Index(
                fields=["name", "dataset", "position"],
                condition=Q(removed_at__isnull=True),
                name="registry_field_called",
            ),
            models.Index(  # whether all fields of a dataset have a title, asked for a whole list
                fields=["dataset"],
                condition=Q(removed_at__isnull=True, title_vi=""),
                name="registry_field_untitled",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="registry_field_once_per_dataset"),
            models.CheckConstraint(condition=Q(kind__in=FieldKind.values), name="registry_field_kind"),
            models.CheckConstraint(
                condition=Q(personal_data__in=PersonalData.values), name="registry_field_personal_data"
            ),
            models.CheckConstraint(condition=Q(default_masking__in=Masking.values), name="registry_field_masking"),
            models.CheckConstraint(
                condition=Q(classification__in=["", *Classification.values]), name="registry_field_classification"
            ),
            models.CheckConstraint(
                condition=~Q(classification=Classification.PUBLIC, personal_data=PersonalData.SENSITIVE),
                name="registry_field_sensitive_not_public",
                violation_error_message=_("Sensitive personal data cannot be classified as public."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return in_current_language(self.title_vi, self.title_en) or self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:field-detail", args=[self.dataset.code, self.name])

    @property
    def shown_values(self) -> list[str]:
        """As many of the allowed values as fit on a page."""
        return self.allowed_values[:VALUES_SHOWN]

    @property
    def more_values(self) -> int:
        return max(0, len(self.allowed_values) - VALUES_SHOWN)
