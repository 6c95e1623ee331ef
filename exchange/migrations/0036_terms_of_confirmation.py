"""The usual terms of confirming agreements, and a first day for those that run already, counted from today."""

import json
from datetime import timedelta

from django.db import migrations
from django.utils import timezone

SOURCE = "Mặc định của cổng, cần đối chiếu với văn bản hiện hành"
TERMS = (
    ("confirm-every", "Xác nhận lại nhu cầu khai thác theo thỏa thuận sau mỗi", 125),
    ("confirm-sensitive", "Xác nhận lại nhu cầu khai thác dữ liệu cá nhân nhạy cảm sau mỗi", 62),
    ("confirm-remind", "Nhắc trước hạn xác nhận lại nhu cầu khai thác", 10),
)
DAYS, DAYS_IF_SENSITIVE = 180, 90  # about as long as the terms, in days of the calendar


def add(apps, schema_editor):
    profiles = apps.get_model("exchange", "DeadlineProfile")
    for code, title, days in TERMS:
        profiles.objects.get_or_create(code=code, defaults={"title": title, "working_days": days, "source": SOURCE})


def begin(apps, schema_editor):
    """Give every agreement a day that has not ended and has none."""
    fields = apps.get_model("registry", "Field").objects.filter(personal_data="sensitive")
    sensitive = set(fields.values_list("dataset", "name"))
    agreements = apps.get_model("exchange", "Agreement").objects.filter(ended_at=None, confirm_by=None)
    for agreement in agreements.only("scope", "dataset", "valid_from", "valid_to").iterator(chunk_size=500):
        scope = json.loads(agreement.scope)
        names = {line["name"] for line in scope["fields"]} | {line["field"] for line in scope["filters"]}
        is_sensitive = any((agreement.dataset_id, name) in sensitive for name in names)
        start = max(agreement.valid_from, timezone.localdate())
        day = start + timedelta(days=DAYS_IF_SENSITIVE if is_sensitive else DAYS)
        agreements.filter(pk=agreement.pk).update(confirm_by=agreement.valid_to if scope["mode"] == "package" else day)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0035_confirmations")]

    operations = [
        migrations.RunPython(add, migrations.RunPython.noop),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
