"""Searches of lists that people keep for themselves."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.choices import SearchPage
from registry.fields import TextLine
from registry.models import User


class SavedSearchQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Everybody sees the own ones only."""
        return self.filter(user=user) if user.is_authenticated else self.none()


class SavedSearch(models.Model):
    """A name that a person gave to what a list is narrowed by. `query` holds known parameters only, in order."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, verbose_name=_("user"), on_delete=models.PROTECT, related_name="saved_searches")
    page = models.CharField(_("list"), max_length=15, choices=SearchPage)
    name = TextLine(_("name"), max_length=80)
    query = models.CharField(_("query"), max_length=1_000)
    created_at = models.DateTimeField(_("saved at"), auto_now_add=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["user", "page", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "page", "name"],
                name="exchange_savedsearch_name_once",
                violation_error_message=_("You have a search of this name already."),
            ),
            models.CheckConstraint(condition=Q(page__in=SearchPage.values), name="exchange_savedsearch_page"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(query=""), name="exchange_savedsearch_says_something"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse(SearchPage(self.page).url_name)}?{self.query}"
