"""The state around the story: agencies, law, days off, and accounts named after their office, not after people."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import get_application_model

from exchange.choices import DayKind
from exchange.models import CalendarDay
from exchange.services.calendar_files import LABOUR_CODE
from ndc_portal.demo import registry_rows
from registry.choices import CodeScheme, ContactPurpose, Role
from registry.models import Agency, AgencyCode, AgencyContact, Membership, User
from registry.services import people, reference

Application = get_application_model()


@dataclass(frozen=True)
class Part:
    """One account: user name, the office it stands for, agency, roles, whether it enters the administration."""

    username: str
    office: str
    position: str
    agency: str
    roles: tuple[Role, ...]
    is_staff: bool = False


PARTS = (
    Part("bhxh.chuyenvien", "Chuyên viên Bảo hiểm xã hội", "Chuyên viên", "BHXH", (Role.REQUESTER,)),
    Part("bhxh.lanhdao", "Lãnh đạo ký của Bảo hiểm xã hội", "Phó Giám đốc", "BHXH", (Role.ENDORSER,)),
    Part("bhxh.hethong", "Hệ thống tra cứu của Bảo hiểm xã hội", "Hệ thống thông tin", "BHXH", (Role.SYSTEM,)),
    Part("bca.daumoi", "Cán bộ đầu mối Bộ Công an", "Cán bộ đầu mối", "BCA", (Role.CASE_OFFICER, Role.APPROVER), True),
    Part("bca.lanhdao", "Lãnh đạo duyệt của Bộ Công an", "Phó Cục trưởng", "BCA", (Role.APPROVER,), True),
    Part("bhxh.duyet", "Lãnh đạo duyệt của Bảo hiểm xã hội", "Trưởng ban", "BHXH", (Role.APPROVER,), True),
    Part("bnv.lanhdao", "Lãnh đạo duyệt của Bộ Nội vụ", "Phó Cục trưởng", "BNV", (Role.APPROVER,), True),
    Part("btc.lanhdao", "Lãnh đạo duyệt của Bộ Tài chính", "Phó Cục trưởng", "BTC", (Role.APPROVER,), True),
    Part(
        "ndc.vanhanh",
        "Nhân viên vận hành Trung tâm dữ liệu quốc gia",
        "Nhân viên vận hành",
        "TTDLQG",
        (Role.OPERATOR,),
        True,
    ),
    Part("ttcp.kiemtoan", "Thanh tra viên đọc nhật ký", "Thanh tra viên", "TTCP", (Role.AUDITOR,), True),
)


@transaction.atomic
def load_state() -> None:
    """Agencies, legal instruments, days off and terms. What is there already stays as it is."""
    for row in registry_rows.agencies():
        parent = Agency.objects.get(code=row.parent) if row.parent else None
        agency, _created = Agency.objects.get_or_create(
            code=row.code,
            defaults={
                "name_vi": row.name_vi,
                "name_en": row.name_en,
                "kind": row.kind,
                "parent": parent,
                "seat": row.seat,
            },
        )
        _publish(agency, row)
    reference.load()
    for row in registry_rows.holidays():
        kind = DayKind.OFF if row.day_off else DayKind.WORKING
        CalendarDay.objects.get_or_create(
            day=row.date, defaults={"kind": kind, "title": row.name_vi, "source": _source_of(row)}
        )


def _source_of(row: registry_rows.HolidayRow) -> str:
    return LABOUR_CODE if row.certainty.startswith("verified") else "Lịch minh họa, chưa đối chiếu với thông báo"


def _publish(agency: Agency, row: registry_rows.AgencyRow) -> None:
    """Codes, and whom to ask: an office, never a person."""
    codes = {CodeScheme.SHORT: row.code, CodeScheme.ELECTRONIC: row.legacy_code}
    for scheme, value in codes.items():
        if value:
            AgencyCode.objects.get_or_create(
                agency=agency, scheme=scheme, value=value, defaults={"source": row.certainty}
            )
    AgencyContact.objects.get_or_create(
        agency=agency,
        purpose=ContactPurpose.SHARING,
        defaults={
            "name": "Đầu mối chia sẻ dữ liệu",
            "phone": "0800 000 000",
            "email": f"dau-moi.{agency.pk}@example.gov.vn",
            "valid_from": timezone.localdate(),
        },
    )


@transaction.atomic
def load_people(passwords: dict[str, str]) -> dict[str, User]:
    """The accounts of the story by user name, with the roles of their office."""
    users = {}
    for part in PARTS:
        user, created = User.objects.get_or_create(
            username=part.username,
            defaults={
                "full_name": part.office,
                "position": part.position,
                "email": f"{part.username}@example.gov.vn",
                "phone": "0800 000 000",
                "is_staff": part.is_staff,
            },
        )
        if Role.SYSTEM in part.roles:
            user.set_unusable_password()  # a system never signs in to the pages
            user.save()
            load_application(user, passwords[part.username])
        elif created or not user.check_password(passwords[part.username]):
            user.set_password(passwords[part.username])
            user.save()
        agency = Agency.objects.get(code=part.agency)
        for role in part.roles:
            if not Membership.objects.today().filter(user=user, agency=agency, role=role).exists():
                people.appoint(user=user, agency=agency, role=role, by=None)
        users[part.username] = user
    return users


def load_application(system: User, secret: str) -> str:
    """The OAuth2 client with which the agency's system fetches its tokens; returns the client's id."""
    application, created = Application.objects.get_or_create(
        client_id=system.username,
        defaults={
            "name": system.full_name,
            "user": system,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_CLIENT_CREDENTIALS,
            "client_secret": secret,
        },
    )
    if not created and not check_password(secret, application.client_secret):
        application.client_secret = secret
        application.save()
    return application.client_id


def passwords(folder: Path) -> dict[str, str]:
    """One password for each account (the system's is its client secret), made at the first run and kept in a file that only its owner reads."""
    path = folder / "accounts.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    missing = [part.username for part in PARTS if part.username not in kept]
    if missing:
        kept.update({username: secrets.token_urlsafe(12) for username in missing})
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file, indent=2)
    return kept
