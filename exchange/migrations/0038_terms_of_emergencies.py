"""The terms of emergencies, as rows that can be changed. What somebody entered already stays as it is."""

from django.db import migrations

SOURCE = "Mặc định của cổng, cần đối chiếu với văn bản hiện hành"
TERMS = (
    ("emergency", "Yêu cầu khẩn cấp", 1),
    ("emergency-period", "Thời gian truy cập khẩn cấp dài nhất (tính theo ngày lịch)", 3),
    ("emergency-review", "Rà soát sau khi đã cho truy cập khẩn cấp", 5),
)


def add(apps, schema_editor):
    profiles = apps.get_model("exchange", "DeadlineProfile")
    for code, title, days in TERMS:
        profiles.objects.get_or_create(code=code, defaults={"title": title, "working_days": days, "source": SOURCE})


class Migration(migrations.Migration):
    dependencies = [("exchange", "0037_emergencies")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
