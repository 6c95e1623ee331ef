"""The usual terms, as rows that can be changed. What somebody entered already stays as it is."""

from django.db import migrations

SOURCE = "Mặc định của cổng, cần đối chiếu với văn bản hiện hành"
TERMS = (
    ("ready-made", "Cấp tài khoản cho dịch vụ sẵn có", 2),
    ("completion", "Đề nghị bổ sung hồ sơ", 3),
    ("simple", "Yêu cầu đơn giản", 5),
    ("complex", "Yêu cầu phức tạp", 20),
    ("very-complex", "Yêu cầu rất phức tạp", 35),
    ("draft-life", "Dự thảo hoặc hồ sơ trả lại không ai sửa thì hết hiệu lực sau", 65),
    ("offer-life", "Đề nghị cấp một phần không được trả lời thì hết hiệu lực sau", 22),
    ("claim-life", "Hồ sơ đã nhận thụ lý mà không có việc gì thì được giải phóng sau", 10),
    ("remind-before", "Nhắc trước hạn", 2),
    ("escalate-after", "Báo cấp trên tiếp theo sau", 2),
)


def add(apps, schema_editor):
    profiles = apps.get_model("exchange", "DeadlineProfile")
    for code, title, days in TERMS:
        profiles.objects.get_or_create(code=code, defaults={"title": title, "working_days": days, "source": SOURCE})


class Migration(migrations.Migration):
    dependencies = [("exchange", "0024_terms")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
