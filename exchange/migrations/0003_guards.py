"""The rules of the exchange that hold even for somebody with a database prompt. Their SQL is in guards/."""

from django.db import migrations

from exchange.migrations.guards.agreements import AGREEMENTS
from exchange.migrations.guards.cases import CASES
from exchange.migrations.guards.decisions import DECISIONS
from exchange.migrations.guards.kept import KEPT, NOT_TRUNCATED
from exchange.migrations.guards.moves import MOVES, NUMBERS
from exchange.migrations.guards.people import PEOPLE
from exchange.migrations.guards.requests import REQUESTS
from exchange.migrations.guards.sealed import BACKWARD, SEALED


class Migration(migrations.Migration):
    dependencies = [("exchange", "0002_initial"), ("registry", "0002_guards")]

    operations = [
        migrations.RunSQL(
            NUMBERS + MOVES + KEPT + NOT_TRUNCATED + REQUESTS + PEOPLE + CASES + DECISIONS + AGREEMENTS + SEALED,
            BACKWARD,
        )
    ]
