"""What search knows of each dataset: written by the database itself, whenever anything it rests on changes."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from registry.fields import TextLine
from registry.models.databases import Dataset


class SearchDocument(models.Model):
    """Words, facets and sort keys of one dataset. Triggers keep it; nothing else writes it.

    `exact` holds the words as they are written, `plain` the same words without accents; `heading` is the titles' part
    of `plain`, short enough to rank by. What a law, an agency, a database or a field is called is found here, too.
    """

    dataset = models.OneToOneField(
        Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, primary_key=True, related_name="search_document"
    )
    is_listed = models.BooleanField(default=False)
    database_id = models.BigIntegerField()
    owner_id = models.BigIntegerField()
    access_rights = models.CharField(max_length=20)
    personal_data = models.CharField(max_length=20)
    classification = models.CharField(max_length=20)
    themes = ArrayField(models.CharField(max_length=4), default=list)
    laws = ArrayField(models.BigIntegerField(), default=list)
    title_vi = models.CharField(max_length=250)
    title_en = models.CharField(max_length=250)  # as shown in English: the Vietnamese one where there is none
    owner_vi = models.CharField(max_length=250)
    owner_en = models.CharField(max_length=250)
    modified_at = models.DateTimeField()
    short_text = models.TextField()
    heading = SearchVectorField()
    exact = SearchVectorField()
    plain = SearchVectorField()

    class Meta:
        verbose_name = _("search document")
        verbose_name_plural = _("search documents")
        indexes = [
            GinIndex(fields=["plain"], name="registry_searchdoc_plain"),
            GinIndex(OpClass(F("short_text"), name="gin_trgm_ops"), name="registry_searchdoc_similar"),
            models.Index(
                fields=["-modified_at", "-dataset"], condition=Q(is_listed=True), name="registry_searchdoc_updated"
            ),
            models.Index(fields=["database_id"], condition=Q(is_listed=True), name="registry_searchdoc_database"),
        ]

    def __str__(self) -> str:
        return self.title_vi


class SearchSynonym(models.Model):
    """Two ways of writing the same: whoever searches for one also finds the other. Either may be an abbreviation."""

    term = TextLine(_("typed"), max_length=60)
    meaning = TextLine(_("means"), max_length=100)

    class Meta:
        verbose_name = _("search synonym")
        verbose_name_plural = _("search synonyms")
        ordering = ["term", "meaning"]
        constraints = [
            models.UniqueConstraint(
                Lower("term"),
                Lower("meaning"),
                name="registry_searchsynonym_once",
                violation_error_message=_("These two are known as the same already."),
            ),
            models.CheckConstraint(
                condition=~Q(term="") & ~Q(meaning="") & ~Q(term=F("meaning")),
                name="registry_searchsynonym_two",
                violation_error_message=_("A synonym needs two different ways of writing."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} = {self.meaning}"
