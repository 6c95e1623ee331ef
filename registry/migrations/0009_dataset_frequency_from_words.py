"""How often a dataset is refreshed moves from free words to the closed list; what the list cannot say stays in words."""

from django.db import migrations

WORDS = {
    "UPDATE_CONT": ["liên tục", "thời gian thực", "continuously", "real time"],
    "HOURLY": ["hằng giờ", "hàng giờ", "mỗi giờ", "hourly", "every hour"],
    "DAILY": ["hằng ngày", "hàng ngày", "mỗi ngày", "daily", "every day"],
    "WEEKLY": ["hằng tuần", "hàng tuần", "mỗi tuần", "weekly", "every week"],
    "MONTHLY": ["hằng tháng", "hàng tháng", "mỗi tháng", "monthly", "every month"],
    "QUARTERLY": ["hằng quý", "hàng quý", "mỗi quý", "quarterly"],
    "ANNUAL": ["hằng năm", "hàng năm", "mỗi năm", "yearly", "annually", "every year"],
    "AS_NEEDED": ["khi có thay đổi", "when something changes", "on change"],
}
CODES = {word: code for code, words in WORDS.items() for word in words}


def to_list(apps, schema_editor):
    datasets = apps.get_model("registry", "Dataset").objects.filter(frequency="").exclude(update_frequency="")
    for words in datasets.order_by().values_list("update_frequency", flat=True).distinct():
        code = CODES.get(" ".join(words.lower().split()))
        if code:
            datasets.filter(update_frequency=words).update(frequency=code, update_frequency="")


def to_words(apps, schema_editor):
    datasets = apps.get_model("registry", "Dataset").objects.filter(update_frequency="")
    for code, words in WORDS.items():
        datasets.filter(frequency=code).update(update_frequency=words[0].capitalize(), frequency="")


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_dataset_modified_at")]

    operations = [migrations.RunPython(to_list, to_words)]
