"""Searches that people keep: their own, and no more than fifty each."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_savedsearch_check_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Two that are saved at once wait for each other here.
    PERFORM 1 FROM registry_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM exchange_savedsearch WHERE user_id = NEW.user_id) >= 50 THEN
        RAISE EXCEPTION 'a person keeps 50 searches at most' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_savedsearch_counted BEFORE INSERT OR UPDATE OF user_id ON exchange_savedsearch
    FOR EACH ROW EXECUTE FUNCTION exchange_savedsearch_check_count();
"""
BACKWARD = "DROP FUNCTION exchange_savedsearch_check_count() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0020_check_letters"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "page",
                    models.CharField(
                        choices=[
                            ("requests", "My requests"),
                            ("agreements", "Agreements and deliveries"),
                            ("letters", "Letters"),
                            ("queue", "Review desk"),
                        ],
                        max_length=15,
                        verbose_name="list",
                    ),
                ),
                ("name", registry.fields.TextLine(max_length=80, verbose_name="name")),
                ("query", models.CharField(max_length=1000, verbose_name="query")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="saved at")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_searches",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved search",
                "verbose_name_plural": "saved searches",
                "ordering": ["user", "page", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "page", "name"),
                        name="exchange_savedsearch_name_once",
                        violation_error_message="You have a search of this name already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("page__in", ["requests", "agreements", "letters", "queue"])),
                        name="exchange_savedsearch_page",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True), models.Q(("query", ""), _negated=True)
                        ),
                        name="exchange_savedsearch_says_something",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
