"""The closed lists of the registry. Values are stored and exchanged: they never change."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AgencyKind(TextChoices):
    GOVERNMENT = "government", _("Government")
    MINISTRY = "ministry", _("Ministry")
    MINISTERIAL = "ministerial", _("Ministerial-level agency")
    GOVERNMENT_AGENCY = "government-agency", _("Agency under the Government or a ministry")
    PROVINCE = "province", _("Provincial People's Committee")
    UNIT = "unit", _("Unit of an agency")
    SOCIO_POLITICAL = "socio-political", _("Socio-political organisation")


class CodeScheme(TextChoices):
    ELECTRONIC = "electronic-id", _("Electronic identifier (Decision 20/2020/QĐ-TTg)")
    LEGACY = "legacy", _("Former code")
    SHORT = "short", _("Abbreviation")


class ContactPurpose(TextChoices):
    SHARING = "sharing", _("Sharing of data")
    TECHNICAL = "technical", _("Connections and systems")
    PERSONAL_DATA = "personal-data", _("Protection of personal data")
    LEGAL = "legal", _("Legal questions")


class UnitKind(TextChoices):
    MUNICIPALITY = "municipality", _("City under central rule")
    PROVINCE = "province", _("Province")


class Language(TextChoices):
    VIETNAMESE = "vi", _("Vietnamese")
    ENGLISH = "en", _("English")


class Role(TextChoices):
    REQUESTER = "requester", _("Requester")
    ENDORSER = "endorser", _("Endorser")
    CASE_OFFICER = "case-officer", _("Case officer")
    REVIEWER = "reviewer", _("Reviewer")
    APPROVER = "approver", _("Approver")
    OPERATOR = "operator", _("NDC operator")
    AUDITOR = "auditor", _("Auditor")
    SYSTEM = "system", _("System account")


class InstrumentKind(TextChoices):
    LAW = "law", _("Law")
    ORDINANCE = "ordinance", _("Ordinance")
    RESOLUTION = "resolution", _("Resolution")
    DECREE = "decree", _("Decree")
    DECISION = "decision", _("Decision")
    DIRECTIVE = "directive", _("Directive")
    CIRCULAR = "circular", _("Circular")
    OTHER = "other", _("Other instrument")


class StewardKind(TextChoices):
    """What a steward is there for. The owner and the approvers are no kinds: they follow from the database."""

    MANAGER = "manager", _("Manager")
    EDITOR = "editor", _("Editor")
    CONTACT = "contact", _("Contact for questions")


class Operation(TextChoices):
    """What happened to a row."""

    INSERT = "insert", _("added")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")


class Classification(TextChoices):
    """How far data may travel. State secrets are no level here: they are not for this portal."""

    PUBLIC = "public", _("Public")
    INTERNAL = "internal", _("Internal to state agencies")
    RESTRICTED = "restricted", _("Restricted")


class AccessRights(TextChoices):
    """The access-right authority table that DCAT-AP prescribes."""

    PUBLIC = "PUBLIC", _("Public")
    RESTRICTED = "RESTRICTED", _("On request")
    NON_PUBLIC = "NON_PUBLIC", _("Not shared")


class Lifecycle(TextChoices):
    DRAFT = "draft", _("In preparation")
    ACTIVE = "active", _("In use")
    RETIRED = "retired", _("Retired")


class Engine(TextChoices):
    POSTGRESQL = "postgresql", _("PostgreSQL")
    MYSQL = "mysql", _("MariaDB or MySQL")
    SQLSERVER = "sqlserver", _("SQL Server")
    ORACLE = "oracle", _("Oracle Database")
    SQLITE = "sqlite", _("SQLite")
    FILES = "files", _("Files")


class RelationKind(TextChoices):
    """What a dataset is in its source. Partitions are part of their table."""

    TABLE = "table", _("Table")
    VIEW = "view", _("View")
    MATERIALIZED_VIEW = "materialized-view", _("Materialised view")
    FOREIGN_TABLE = "foreign-table", _("Foreign table")


class Occasion(TextChoices):
    """When a change of a source was found."""

    PERSON = "person", _("Read by a person")
    SCHEDULE = "schedule", _("Regular comparison")
    DELIVERY = "delivery", _("Before a delivery")
    LOOKUP = "lookup", _("In a look-up")


class Review(TextChoices):
    """What the owner decides about a breaking change."""

    ACCEPT = "accept", _("Still sound: resume")
    END = "end", _("End what depends on it")


class FieldKind(TextChoices):
    """What a field's native type comes down to when values are filtered, masked or written to a file."""

    TEXT = "text", _("Text")
    INTEGER = "integer", _("Whole number")
    NUMBER = "number", _("Number")
    BOOLEAN = "boolean", _("Yes or no")
    DATE = "date", _("Date")
    DATETIME = "datetime", _("Date and time")
    OTHER = "other", _("Other")


class PersonalData(TextChoices):
    NONE = "none", _("Not personal data")
    BASIC = "basic", _("Basic personal data")
    SENSITIVE = "sensitive", _("Sensitive personal data")


class Masking(TextChoices):
    """What happens to a value before it leaves the source, from the most open to the most closed."""

    KEEP = "keep", _("As it is")
    ROUNDED = "rounded", _("Rounded")
    YEAR = "year", _("Year only")
    PROVINCE = "province", _("Province only")
    PARTIAL = "partial", _("Last characters only")
    PSEUDONYM = "pseudonym", _("Pseudonym")
    NULL = "null", _("Left empty")


class Operator(TextChoices):
    EQUALS = "eq", _("is")
    IN = "in", _("is one of")
    AT_LEAST = "ge", _("is at least")
    AT_MOST = "le", _("is at most")
    BETWEEN = "between", _("is between")
    PREFIX = "prefix", _("begins with")
    IS_NULL = "null", _("is empty")


class Mode(TextChoices):
    """The ways in which data is given. A package comes once; packages that come again do so as their request's frequency
    says."""

    PACKAGE = "package", _("File package")
    RECURRING = "recurring", _("File packages again and again")
    LOOKUP = "lookup", _("Live look-up of single records")


class Limit(TextChoices):
    """How much may be taken in which time, beside the rows at most. Months, days and minutes are those of the calendar."""

    ROWS_PER_MONTH = "rows_per_month", _("rows in packages a month, at most")
    DELIVERIES_PER_MONTH = "deliveries_per_month", _("packages a month, at most")
    LOOKUPS_PER_DAY = "lookups_per_day", _("look-ups a day, at most")
    LOOKUPS_PER_MINUTE = "lookups_per_minute", _("look-ups a minute, at most")


PACKAGES = (Mode.PACKAGE, Mode.RECURRING)
LIMITS_OF_MODE = {
    Mode.PACKAGE: (Limit.ROWS_PER_MONTH, Limit.DELIVERIES_PER_MONTH),
    Mode.RECURRING: (Limit.ROWS_PER_MONTH, Limit.DELIVERIES_PER_MONTH),
    Mode.LOOKUP: (Limit.LOOKUPS_PER_DAY, Limit.LOOKUPS_PER_MINUTE),
}


class Purpose(TextChoices):
    PROCEDURE = "procedure", _("Settling administrative procedures")
    SUPERVISION = "supervision", _("Inspection and supervision")
    PLANNING = "planning", _("Planning and policy-making")
    STATISTICS = "statistics", _("Statistics and reports")
    SYNCHRONISATION = "synchronisation", _("Keeping own records correct")


class FileFormat(TextChoices):
    CSV = "csv", _("CSV")
    JSONL = "jsonl", _("JSON Lines")
    PARQUET = "parquet", _("Parquet")
    XLSX = "xlsx", _("Excel workbook (XLSX)")

    @property
    def media_type(self) -> str:
        """As HTTP names it; IANA knows all but JSON Lines."""
        return {
            FileFormat.CSV: "text/csv; charset=utf-8",
            FileFormat.JSONL: "application/x-ndjson",
            FileFormat.PARQUET: "application/vnd.apache.parquet",
            FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }[self]


class Theme(TextChoices):
    """The data-theme authority table that DCAT-AP prescribes."""

    AGRICULTURE = "AGRI", _("Agriculture, fisheries, forestry and food")
    ECONOMY = "ECON", _("Economy and finance")
    EDUCATION = "EDUC", _("Education, culture and sport")
    ENERGY = "ENER", _("Energy")
    ENVIRONMENT = "ENVI", _("Environment")
    GOVERNMENT = "GOVE", _("Government and public sector")
    HEALTH = "HEAL", _("Health")
    INTERNATIONAL = "INTR", _("International issues")
    JUSTICE = "JUST", _("Justice, legal system and public safety")
    REGIONS = "REGI", _("Regions and cities")
    SOCIETY = "SOCI", _("Population and society")
    TECHNOLOGY = "TECH", _("Science and technology")
    TRANSPORT = "TRAN", _("Transport")


class Frequency(TextChoices):
    """How often a dataset is refreshed: codes of the frequency authority table that DCAT-AP prescribes."""

    CONTINUOUS = "UPDATE_CONT", _("Continuously")
    HOURLY = "HOURLY", _("Every hour")
    TWICE_DAILY = "DAILY_2", _("Twice a day")
    DAILY = "DAILY", _("Daily")
    TWICE_WEEKLY = "WEEKLY_2", _("Twice a week")
    WEEKLY = "WEEKLY", _("Weekly")
    FORTNIGHTLY = "BIWEEKLY", _("Every two weeks")
    TWICE_MONTHLY = "MONTHLY_2", _("Twice a month")
    MONTHLY = "MONTHLY", _("Monthly")
    TWO_MONTHLY = "BIMONTHLY", _("Every two months")
    QUARTERLY = "QUARTERLY", _("Quarterly")
    TWICE_YEARLY = "ANNUAL_2", _("Twice a year")
    YEARLY = "ANNUAL", _("Yearly")
    TWO_YEARLY = "BIENNIAL", _("Every two years")
    FIVE_YEARLY = "QUINQUENNIAL", _("Every five years")
    TEN_YEARLY = "DECENNIAL", _("Every ten years")
    AS_NEEDED = "AS_NEEDED", _("When something changes")
    IRREGULAR = "IRREG", _("Irregularly")
    NEVER = "NEVER", _("Never")
    OTHER = "OTHER", _("Other")
    UNKNOWN = "UNKNOWN", _("Not known")


class WorkState(TextChoices):
    """How far a piece of work is that a worker does in the background."""

    QUEUED = "queued", _("Waiting to begin")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_WORK = (WorkState.QUEUED, WorkState.RUNNING)
ENDED_WORK = (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)


class Sampling(TextChoices):
    """Which rows a profile looked at."""

    ALL = "all", _("All rows")
    BLOCKS = "blocks", _("Random blocks of the table")
    RANDOM = "random", _("Random rows")
    NTH = "nth", _("Every nth row by its number")
    FIRST = "first", _("The first rows that the source gave: not a random sample")


class Withheld(TextChoices):
    """Why a profile of a field says less than it could."""

    NOTHING = "", _("Nothing is withheld")
    SENSITIVE = "sensitive", _("Sensitive personal data: only how many values are missing")
    PERSONAL = "personal", _("Personal data: coarse figures only")
    FEW = "few", _("Too few values: figures would be about single people")
    KIND = "kind", _("Values of this type are not profiled")


class SuggestionState(TextChoices):
    OPEN = "open", _("To be decided")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Refused")
    OUTDATED = "outdated", _("No longer up to date")


class SheetKind(TextChoices):
    """What a spreadsheet of metadata describes."""

    DATASETS = "datasets", _("Datasets")
    FIELDS = "fields", _("Fields")


class RowOutcome(TextChoices):
    """What a row of a spreadsheet would do, or did."""

    CHANGE = "change", _("Would change")
    SAME = "same", _("Nothing to change")
    UNKNOWN = "unknown", _("Not found, or not yours to change")
    CONFLICT = "conflict", _("Changed by somebody since the export")
    INVALID = "invalid", _("With errors")
    TWICE = "twice", _("Occurs more than once")
    APPLIED = "applied", _("Changed")


class ImportState(TextChoices):
    """How far an import of metadata is."""

    STAGED = "staged", _("Waiting to be confirmed")
    QUEUED = "queued", _("Waiting to begin")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
