"""Packages could be ordered again and again under every policy that gave packages: that now has a name of its own."""

from django.db import migrations

GIVE = """
UPDATE registry_sharingpolicy SET modes = array_append(modes, 'recurring')
WHERE modes @> ARRAY['package']::varchar[] AND NOT modes @> ARRAY['recurring']::varchar[]
"""
TAKE = "UPDATE registry_sharingpolicy SET modes = array_remove(modes, 'recurring')"


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_policy_terms")]

    operations = [migrations.RunSQL(GIVE, TAKE)]
