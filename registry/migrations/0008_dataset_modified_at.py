"""The database notes when the description of a dataset changed, whoever changes it and however."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_dataset_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_at := OLD.created_at;
    IF (NEW.title_vi, NEW.title_en, NEW.description, NEW.themes, NEW.keywords, NEW.spatial, NEW.temporal_from,
        NEW.temporal_to, NEW.frequency, NEW.update_frequency, NEW.contact_email, NEW.landing_page, NEW.access_rights,
        NEW.applicable_legislation_id, NEW.is_published, NEW.removed_at)
       IS DISTINCT FROM
       (OLD.title_vi, OLD.title_en, OLD.description, OLD.themes, OLD.keywords, OLD.spatial, OLD.temporal_from,
        OLD.temporal_to, OLD.frequency, OLD.update_frequency, OLD.contact_email, OLD.landing_page, OLD.access_rights,
        OLD.applicable_legislation_id, OLD.is_published, OLD.removed_at) THEN
        NEW.modified_at := statement_timestamp();
    ELSE
        -- A row saved whole carries the time at which it was read: time does not go back.
        NEW.modified_at := greatest(OLD.modified_at, NEW.modified_at);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_dataset_note_change BEFORE UPDATE ON registry_dataset
    FOR EACH ROW EXECUTE FUNCTION registry_dataset_note_change();
ALTER TABLE registry_dataset ENABLE ALWAYS TRIGGER registry_dataset_note_change;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION registry_dataset_note_change() SET search_path = %I, pg_temp', current_schema());
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_dataset_note_change ON registry_dataset;
DROP FUNCTION registry_dataset_note_change();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0007_dataset_descriptions")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
