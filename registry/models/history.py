"""What was changed in the registry, by whom, when and why; the database itself writes it, whatever the path."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Operation


class RegistryChangeQuerySet(models.QuerySet):
    def of(self, thing: models.Model):
        """The changes of one row."""
        return self.filter(table_name=thing._meta.db_table, row_id=thing.pk)


class RegistryChange(models.Model):
    """One row of a registry table was added, changed or deleted. Written by triggers, kept for good."""

    changed_at = models.DateTimeField(_("when"))
    transaction = models.BigIntegerField(_("transaction"))
    table_name = models.CharField(_("table"), max_length=63)
    row_id = models.BigIntegerField(_("row"))
    operation = models.CharField(_("operation"), max_length=10, choices=Operation)
    actor = models.CharField(_("who"), max_length=60, blank=True)  # public id; empty: the portal, or a database prompt
    reason = models.CharField(_("why"), max_length=500, blank=True)
    database_role = models.CharField(_("database account"), max_length=63)
    # Added and deleted rows: their values. Changed ones: [old, new] by column. Hidden values: the word "changed".
    values = models.JSONField(_("what"))

    objects = RegistryChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("registry change")
        verbose_name_plural = _("registry changes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["table_name", "row_id", "-id"], name="registry_change_of_row"),
            models.Index(fields=["transaction"], name="registry_change_transaction"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(operation__in=Operation.values), name="registry_registrychange_operation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}: {self.get_operation_display()}"
