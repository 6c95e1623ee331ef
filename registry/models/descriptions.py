"""What describes a dataset beyond its name, so that others find it: in the words of DCAT-AP."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from registry.choices import Frequency, Theme
from registry.fields import TextBlock, TextLine
from registry.names import in_current_language

PLACE = RegexValidator(r"^[A-Z0-9]+([.-][A-Z0-9]+)*\Z", _("VN for the whole country, or the code of a province."))


class Described(models.Model):
    """Titles, subject, place and time of a dataset. The database itself notes when any of it changed."""

    title_vi = TextLine(_("title (Vietnamese)"), max_length=250)
    title_en = TextLine(_("title (English)"), max_length=250, blank=True)
    description = TextBlock(_("description"), blank=True)
    description_en = TextBlock(_("description (English)"), blank=True, default="", db_default="")
    themes = ArrayField(
        models.CharField(max_length=4, choices=Theme), verbose_name=_("themes"), default=list, db_default=[], blank=True
    )
    keywords = ArrayField(
        TextLine(max_length=100),
        verbose_name=_("keywords"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Words that people look for and the title lacks, separated by commas."),
    )
    spatial = models.CharField(
        _("area"),
        max_length=20,
        blank=True,
        default="",
        db_default="",
        validators=[PLACE],
        help_text=_("VN for the whole country, or the code of a province."),
    )
    temporal_from = models.DateField(_("describes the time from"), null=True, blank=True)
    temporal_to = models.DateField(_("describes the time until"), null=True, blank=True)
    frequency = models.CharField(
        _("refreshed"), max_length=20, choices=Frequency, blank=True, default="", db_default=""
    )
    update_frequency = TextLine(
        _("remarks on refreshing"),
        max_length=100,
        blank=True,
        help_text=_("Only what the list cannot say, such as an hour or a day."),
    )
    contact_email = models.EmailField(_("e-mail for questions"), blank=True, default="", db_default="")
    landing_page = models.URLField(
        _("page of the owner about it"), blank=True, default="", db_default="", validators=[URLValidator(["https"])]
    )
    created_at = models.DateTimeField(_("registered at"), db_default=Now(), editable=False)
    modified_at = models.DateTimeField(_("description changed at"), db_default=Now(), editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(condition=Q(themes__contained_by=Theme.values), name="registry_%(class)s_themes"),
            models.CheckConstraint(
                condition=Q(frequency__in=["", *Frequency.values]), name="registry_%(class)s_frequency"
            ),
            models.CheckConstraint(
                condition=Q(temporal_from__isnull=True)
                | Q(temporal_to__isnull=True)
                | Q(temporal_to__gte=F("temporal_from")),
                name="registry_%(class)s_temporal",
                violation_error_message=_("The time described cannot end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return in_current_language(self.title_vi, self.title_en)

    @property
    def refreshed(self) -> str:
        """How often, and what is to be said about it."""
        return " – ".join(str(part) for part in (self.get_frequency_display(), self.update_frequency) if part)

    @property
    def about(self) -> str:
        """The description in the reader's language, as far as there is one."""
        return in_current_language(self.description, self.description_en)

    @property
    def chosen_themes(self) -> list[Theme]:
        return [theme for theme in Theme if theme in self.themes]

    @property
    def theme_labels(self) -> list:
        return [theme.label for theme in self.chosen_themes]

    @property
    def contact_address(self) -> str:
        """The dataset's own address for questions, else its database's."""
        return self.contact_email or self.database.contact_email
