"""How long an agency has for the certificate, as a row that can be changed. What somebody entered already stays as it is."""

from django.db import migrations

SOURCE = "Mặc định của cổng, cần đối chiếu với văn bản hiện hành"
TERMS = (("destruction", "Gửi giấy xác nhận tiêu hủy dữ liệu sau ngày cuối được lưu giữ", 10),)


def add(apps, schema_editor):
    profiles = apps.get_model("exchange", "DeadlineProfile")
    for code, title, days in TERMS:
        profiles.objects.get_or_create(code=code, defaults={"title": title, "working_days": days, "source": SOURCE})


class Migration(migrations.Migration):
    dependencies = [("exchange", "0033_destruction_certificates")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
