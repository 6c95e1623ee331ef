"""The usual notice before an agreement is stopped, and the last day of every agreement that there is already."""

from django.db import migrations

SOURCE = "Mặc định của cổng, cần đối chiếu với văn bản hiện hành"
TERMS = (("stop-notice", "Báo trước khi tạm đình chỉ hoặc thu hồi thỏa thuận chia sẻ", 5),)
AT_ONCE = 1_000


def add(apps, schema_editor):
    profiles = apps.get_model("exchange", "DeadlineProfile")
    for code, title, days in TERMS:
        profiles.objects.get_or_create(code=code, defaults={"title": title, "working_days": days, "source": SOURCE})


def work_out(apps, schema_editor):
    """Write each row as it is: the trigger works its last day out. A second run changes nothing."""
    agreements = apps.get_model("exchange", "Agreement").objects
    last = agreements.order_by("-pk").values_list("pk", flat=True).first() or 0
    for start in range(0, last + 1, AT_ONCE):
        agreements.filter(pk__gte=start, pk__lt=start + AT_ONCE).update(stops_as="")


class Migration(migrations.Migration):
    dependencies = [("exchange", "0029_stop_notices")]

    operations = [
        migrations.RunPython(add, migrations.RunPython.noop),
        migrations.RunPython(work_out, migrations.RunPython.noop),
    ]
