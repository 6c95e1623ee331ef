"""Number the snapshots that are there: 1.0, 1.1, … as nobody compared them, and tell each dataset its version."""

from django.db import migrations

FORWARD = """
UPDATE registry_schemasnapshot snapshot SET version_minor = numbered.minor
FROM (SELECT id, row_number() OVER (PARTITION BY dataset_id ORDER BY taken_at, id) - 1 AS minor
      FROM registry_schemasnapshot) numbered
WHERE numbered.id = snapshot.id AND snapshot.version_minor <> numbered.minor;

UPDATE registry_dataset dataset
SET structure_version = latest.version_major || '.' || latest.version_minor, structure_changed_at = latest.taken_at
FROM (SELECT DISTINCT ON (dataset_id) * FROM registry_schemasnapshot
      ORDER BY dataset_id, version_major DESC, version_minor DESC) latest
WHERE latest.dataset_id = dataset.id;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0014_structure_versions")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
