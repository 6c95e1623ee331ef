"""One whole exchange, as the people of the story would run it: through the same services as the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from exchange.choices import ConsentBasis, OnwardSharing, SystemLevel
from exchange.fulfilment import packages
from exchange.models import Agreement, Delivery, ExchangeRequest
from exchange.offers import obstacle, offer_to
from exchange.refusals import Refusal
from exchange.services import cases, downloads, joint, lookups, requests
from registry.choices import FileFormat, Mode, Purpose
from registry.models import Agency, Dataset, LegalInstrument, User

PROVINCE = "79"  # Thành phố Hồ Chí Minh
FIELDS = ["so_dinh_danh", "ho_ten", "ngay_sinh", "gioi_tinh", "ma_xa"]
Say = Callable[[str, str], None]  # (who, what)


@dataclass(frozen=True)
class Cast:
    clerk: User
    signatory: User
    officer: User
    approver: User
    operator: User
    system: User

    @classmethod
    def of(cls, users: dict[str, User]) -> "Cast":
        return cls(
            clerk=users["bhxh.chuyenvien"],
            signatory=users["bhxh.lanhdao"],
            officer=users["bca.daumoi"],
            approver=users["bca.lanhdao"],
            operator=users["ndc.vanhanh"],
            system=users["bhxh.hethong"],
        )


def file_request(cast: Cast, say: Say) -> ExchangeRequest:
    """The clerk files, the signatory signs."""
    request = requests.create(consumer=Agency.objects.get(code="BHXH"), by=cast.clerk)
    say("Clerk of the insurance agency", f"opens draft {request.code}")
    request = requests.save_draft(
        request=request,
        by=cast.clerk,
        version=request.version,
        content={
            **_content(cast),
            "field_names": FIELDS,
            "row_filter": [{"field": "ma_tinh", "operator": "eq", "values": [PROVINCE]}],
            "mode": Mode.PACKAGE,
            "purpose": Purpose.SYNCHRONISATION,
            "reason": "Đối chiếu thông tin người tham gia bảo hiểm y tế theo nơi thường trú.",
        },
    )
    say("Clerk of the insurance agency", f"asks for {len(FIELDS)} fields of the residents of province {PROVINCE}")
    requests.propose(request=request, by=cast.clerk)
    revision = request.revisions.first()
    say(
        "Clerk of the insurance agency",
        f"sends revision {revision.number} for signature, SHA-256 {revision.content_hash[:16]}…",
    )
    try:
        requests.endorse(request=request, by=cast.clerk, revision_hash=revision.content_hash)
    except Refusal as refusal:
        say("Portal", f"refuses the clerk's own signature: {refusal.code}")
    requests.endorse(request=request, by=cast.signatory, revision_hash=revision.content_hash)
    case = request.cases.get()
    say("Signatory of the insurance agency", f"signs; the owner's case is due on {case.due_on}")
    return request


def decide(cast: Cast, request: ExchangeRequest, say: Say) -> Agreement:
    """Two people of the owner's agency decide, after the portal refused one who must not."""
    cases.claim(request=request, by=cast.officer)
    say("Case officer of the owner", "takes the case on")
    revision_hash = request.revisions.first().content_hash
    try:
        cases.approve(request=request, by=cast.signatory, revision_hash=revision_hash)
    except Refusal as refusal:
        say("Portal", f"refuses a decision by the consumer's signatory: {refusal.code}")
    cases.approve(request=request, by=cast.officer, revision_hash=revision_hash)
    say("First approver of the owner", f"approves; state: {request.status}")
    cases.approve(request=request, by=cast.approver, revision_hash=revision_hash)
    agreement = Agreement.objects.get(case__request=request)
    letter = agreement.case.letters.get()
    say(
        "Second approver of the owner",
        f"approves; letter {letter.notation}, agreement {agreement.code} until {agreement.valid_to}",
    )
    return agreement


def download(cast: Cast, delivery: Delivery, say: Say) -> bytes:
    with downloads.open_package(delivery=delivery, by=cast.clerk) as file:
        content = file.read()
    downloads.open_package(delivery=delivery, by=cast.clerk, part="manifest").close()
    say(
        "Clerk of the insurance agency",
        f"downloads {delivery.file_name} ({len(content):,} bytes) and {packages.manifest_path(delivery.file_name).name}",
    )
    return content


def look_up(cast: Cast, key: str, say: Say) -> tuple[Agreement, dict]:
    """A second request, wholly inside a standing permission, is granted at once; then one record is read by key."""
    request = requests.create(consumer=Agency.objects.get(code="BHXH"), by=cast.clerk)
    request = requests.save_draft(
        request=request,
        by=cast.clerk,
        version=request.version,
        content={
            **_content(cast),
            "field_names": ["so_dinh_danh", "ho_ten", "ngay_sinh", "ma_xa"],
            "mode": Mode.LOOKUP,
            "frequency": "on-demand",
            "purpose": Purpose.PROCEDURE,
            "reason": "Kiểm tra thông tin công dân khi tiếp nhận hồ sơ bảo hiểm.",
            "procedure_code": "1.001234",
        },
        named_users=[cast.clerk, cast.system],
    )
    requests.propose(request=request, by=cast.clerk)
    requests.endorse(request=request, by=cast.signatory, revision_hash=request.revisions.first().content_hash)
    agreement = Agreement.objects.get(case__request=request)
    say("Portal", f"{request.code} lies inside a standing permission: agreement {agreement.code} at once")
    answer = lookups.look_up(
        agreement=agreement, by=cast.clerk, key=key, case_number="HS-2026-0001", purpose=agreement.purpose
    )
    say("Clerk of the insurance agency", f"looks one record up, receipt {answer.receipt}")
    return agreement, {
        "agreement": agreement.code,
        "found": answer.record is not None,
        "fields": sorted(answer.record or {}),
        "receipt": answer.receipt,
    }


def _content(cast: Cast) -> dict:
    today = timezone.localdate()
    return {
        "letter_number": f"{today:%j}/BHXH-CNTT",
        "letter_subject": "Đề nghị chia sẻ dữ liệu dân cư",
        "signatory_name": cast.signatory.full_name,
        "signatory_position": cast.signatory.position,
        "focal_name": cast.clerk.full_name,
        "focal_position": cast.clerk.position,
        "focal_phone": cast.clerk.phone,
        "focal_email": cast.clerk.email,
        "dataset": Dataset.objects.get(code="dan-cu-dan-cu-cong-dan"),
        "file_format": FileFormat.CSV,
        "legal_basis": LegalInstrument.objects.get(number="278/2025/NĐ-CP"),
        "legal_article": "Điều khoản về kết nối, chia sẻ dữ liệu bắt buộc",
        "consent_basis": ConsentBasis.STATUTORY,
        "period_from": today,
        "period_to": today + timedelta(days=180),
        "retention_until": today + timedelta(days=365),
        "onward_sharing": OnwardSharing.NONE,
        "security_measures": "Lưu trong hệ thống nội bộ, phân quyền theo cán bộ, ghi nhật ký truy cập.",
        "system_level": SystemLevel.LEVEL_3,
        "undertaking": True,
        "has_state_secret": False,
    }


def leave_work(cast: Cast, say: Say) -> None:
    """What is on its way when the story ends, so that desks and queues have something on them."""
    asked = {"field_names": ["so_dinh_danh", "ho_ten"], "mode": Mode.PACKAGE, "purpose": Purpose.SYNCHRONISATION}
    _draft(cast, "Đề nghị cung cấp danh sách để rà soát", asked)
    requests.propose(request=_draft(cast, "Đề nghị chia sẻ dữ liệu phục vụ giám định", asked), by=cast.clerk)
    _signed(cast, _draft(cast, "Đề nghị đối chiếu người hưởng chế độ", asked))
    review = _signed(cast, _draft(cast, "Đề nghị cập nhật nơi thường trú", asked))
    cases.claim(request=review, by=cast.officer)
    returned = _signed(cast, _draft(cast, "Đề nghị dữ liệu hộ gia đình", asked))
    cases.claim(request=returned, by=cast.officer)
    cases.send_back(
        request=returned,
        by=cast.officer,
        reason="Chưa nêu rõ vì sao cần họ tên.",
        field_reasons={"field_names": "Chỉ cần số định danh là đủ đối chiếu."},
        revision_hash=returned.revisions.first().content_hash,
    )
    whole = _joint(cast, asked)
    say("Clerk of the insurance agency", f"leaves work on the desks: four requests, and {whole} about two datasets")


def _draft(cast: Cast, subject: str, asked: dict) -> ExchangeRequest:
    draft = requests.create(consumer=Agency.objects.get(code="BHXH"), by=cast.clerk)
    content = {
        **_content(cast),
        **asked,
        "letter_subject": subject,
        "reason": "Phục vụ quản lý người tham gia bảo hiểm.",
    }
    return requests.save_draft(request=draft, by=cast.clerk, version=draft.version, content=content)


def _signed(cast: Cast, draft: ExchangeRequest) -> ExchangeRequest:
    requests.propose(request=draft, by=cast.clerk)
    return requests.endorse(request=draft, by=cast.signatory, revision_hash=draft.revisions.first().content_hash)


def _joint(cast: Cast, asked: dict) -> str:
    """One letter to the owners of two databases."""
    first = _draft(cast, "Đề nghị dữ liệu dân cư và danh mục hành chính", asked)
    others = Dataset.objects.published().exclude(pk=first.dataset_id).order_by("pk")
    other = next(one for one in others if not obstacle(first.consumer, one))
    part = joint.add_part(request=first, dataset=other, by=cast.clerk)
    offered = list(offer_to(part.consumer, other).fields)
    requests.save_draft(request=part, by=cast.clerk, version=part.version, content={"field_names": offered[:2]})
    return part.joint.code
