"""What the shell adds to the admin: failed sign-ins to be read by operators, and the words of Django in our catalogue."""

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.urls import reverse
from django.utils import formats

from registry.choices import Role
from registry.names import vietnamese_key
from tests.factories import AgencyFactory, UserFactory, person

pytestmark = pytest.mark.django_db


def sign_in_page(user, client, name: str = "changelist", **arguments) -> int:
    client.force_login(user)
    return client.get(reverse(f"admin:axes_accessattempt_{name}", **arguments)).status_code


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OPERATOR, 200), (Role.AUDITOR, 200), (Role.APPROVER, 403), (Role.CASE_OFFICER, 403)]
)
def test_failed_sign_ins_open_by_role(client, role, status):
    assert sign_in_page(person(AgencyFactory(), role), client) == status


def test_failed_sign_ins_are_read_only_even_for_a_superuser(client):
    attempt = AccessAttempt.objects.create(
        username="a", ip_address="10.0.0.1", user_agent="x", failures_since_start=3, post_data="secret=typed"
    )
    superuser = UserFactory(superuser=True)
    assert sign_in_page(superuser, client, "add") == 403
    assert sign_in_page(superuser, client, "delete", args=[attempt.pk]) == 403
    page = client.get(reverse("admin:axes_accessattempt_change", args=[attempt.pk])).text
    assert "10.0.0.1" in page
    assert "secret=typed" not in page
    assert AccessFailureLog in admin.site._registry
    assert AccessLog not in admin.site._registry


@pytest.mark.parametrize("language", ["vi", "en"])
def test_dates_have_one_format(language):
    for name in ("DATE_FORMAT", "DATETIME_FORMAT"):
        assert formats.get_format(name, language) == formats.get_format(f"SHORT_{name}", language)


def test_the_index_is_in_sections_and_sorted_as_vietnamese_readers_expect(client):
    client.force_login(UserFactory(superuser=True))
    apps = client.get(reverse("admin:index")).context["app_list"]
    everything = {model["object_name"] for app in apps for model in app["models"]}
    assert everything == {model.__name__ for model in admin.site._registry}
    assert sum(len(app["models"]) for app in apps) == len(admin.site._registry)
    people = next([str(model["name"]) for model in app["models"]] for app in apps if "Cơ quan" in str(app["name"]))
    assert people[-1] == "Vai trò tại cơ quan"
    assert people.index("Ủy quyền") < people.index("Vai trò tại cơ quan")


def test_letters_come_before_tones():
    words = ["Ủy quyền", "Đề xuất", "Vai trò", "Dân", "đơn vị", "Dần", "ưu tiên"]
    assert sorted(words, key=vietnamese_key) == ["Dân", "Dần", "Đề xuất", "đơn vị", "Ủy quyền", "ưu tiên", "Vai trò"]
