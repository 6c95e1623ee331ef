"""Certificates of destruction: owed by dates, prepared by one, signed by another, answered by the owner, and kept."""

import hashlib
import json
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from evidence.models import Entry, Outcome
from exchange import letter_text
from exchange.choices import CertificateKind, DestructionMethod, RequestKind, StopKind
from exchange.models import Agreement, DestructionCertificate, LookupUsage
from exchange.models.destruction import CertificateState
from exchange.printing import wording
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.services import (
    agreements,
    deadlines,
    desk,
    destruction,
    destruction_desk,
    digests,
    letter_checks,
    stop_notices,
)
from exchange.states import AgreementStatus
from exchange.terms import Term
from registry.choices import Mode, Role
from registry.models import Notice
from tests import factories
from tests.factories import person


def days_on(days: int):
    return time_machine.travel(timezone.now() + timedelta(days=days))


def ended(world, **content) -> Agreement:
    """An agreement that gave a package, and that the consumer gave up today."""
    agreement = world.delivered(**content).agreement
    return agreements.relinquish(agreement=agreement, by=world.endorser, reason="Không cần nữa")


def answers(**changes) -> dict:
    return {
        "kind": CertificateKind.DESTROYED,
        "method": DestructionMethod.PURGE,
        "places": "Máy chủ của phòng, bản sao lưu hằng tuần",
        "destroyed_on": timezone.localdate(),
        "statement": "Không còn bản sao nào.",
        **changes,
    }


def kept(world, **changes) -> dict:
    return {
        "kind": CertificateKind.KEPT,
        "places": "Kho lưu trữ",
        "kept_under": world.basis,
        "kept_until": timezone.localdate() + timedelta(days=400),
        "reason": "Hồ sơ vụ việc phải lưu",
        "statement": "Chỉ lưu trong hồ sơ.",
        **changes,
    }


def prepared(world, agreement=None, **changes) -> DestructionCertificate:
    return destruction.prepare(agreement=agreement or ended(world), by=world.requester, answers=answers(**changes))


def signed(world, agreement=None, **changes) -> DestructionCertificate:
    certificate = prepared(world, agreement, **changes)
    return destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)


def refused(code: str, act, **arguments) -> None:
    with pytest.raises(Refusal) as caught:
        act(**arguments)
    assert caught.value.code == code
    assert Entry.objects.filter(outcome=Outcome.REFUSED).latest("sequence").action.startswith("certificate.")


# --- who owes one, by dates


def test_nothing_is_owed_while_it_runs_and_until_the_last_day_of_keeping(world):
    agreement = world.delivered().agreement
    assert destruction.duty_of(agreement) is None
    with days_on(91):  # nobody has ended it: its date did
        agreement.refresh_from_db()
        assert agreement.status == AgreementStatus.ACTIVE
        duty = destruction.duty_of(agreement)
        assert (duty.kept_until, duty.is_owed) == (agreement.retention_until, False)
    with days_on(120):
        assert not destruction.owing().exists()
    with days_on(121):
        assert [one.pk for one in destruction.owing()] == [agreement.pk]


def test_what_gave_nothing_owes_nothing(world):
    agreement = world.agreed()
    agreements.revoke(agreement=agreement, by=world.approver, reason="Hết căn cứ")
    with days_on(200):
        assert not destruction.owing().exists()


def test_looked_up_records_are_owed_for_as_well(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    LookupUsage.objects.create(agreement=agreement, answered=3)
    agreements.relinquish(agreement=agreement, by=world.endorser, reason="Xong")
    with days_on(1):
        assert [one.pk for one in destruction.owing()] == [agreement.pk]
    assert destruction.received(agreement) == {"packages": [], "looked_up_records": 3}


def test_who_ended_it_ends_the_keeping(world):
    duty = destruction.duty_of(ended(world))
    assert duty.kept_until == timezone.localdate()
    assert duty.due_on == deadlines.due_on(timezone.localdate(), deadlines.working_days_of(Term.DESTRUCTION))


def test_an_announced_day_ends_it_with_nobody_at_work(world):
    agreement = world.delivered().agreement
    day = deadlines.due_on(timezone.localdate(), 5) + timedelta(days=1)
    stop_notices.announce(
        agreement=agreement, by=world.approver, kind=StopKind.REVOKE, takes_effect_on=day, reason="Hết"
    )
    with time_machine.travel(timezone.now() + (day - timezone.localdate())):
        assert destruction.duty_of(agreement).kept_until == day


def test_the_last_version_decides(world):
    agreement = world.delivered().agreement
    later = timezone.localdate() + timedelta(days=200)
    world.amended(
        agreement, kind=RequestKind.RENEWAL, period_from=timezone.localdate(), period_to=later, retention_until=later
    )
    with days_on(150):
        assert destruction.duty_of(agreement) is None
    with days_on(201):
        assert destruction.duty_of(agreement).agreement.version == 2


def test_a_version_that_never_began_decides_nothing(world):
    agreement = world.delivered().agreement
    begins = agreement.valid_to + timedelta(days=1)
    until = begins + timedelta(days=300)
    second = world.amended(
        agreement, kind=RequestKind.RENEWAL, period_from=begins, period_to=until, retention_until=until
    )
    agreements.revoke(agreement=second, by=world.approver, reason="Không gia hạn")
    with days_on(121):
        assert destruction.duty_of(agreement).kept_until == agreement.retention_until


def test_overdue_is_counted_in_working_days_and_in_sql_alike(world):
    agreement = ended(world)
    due = destruction.duty_of(agreement).due_on
    for day, is_overdue in ((due, False), (due + timedelta(days=1), True)):
        with time_machine.travel(timezone.now() + (day - timezone.localdate())):
            assert destruction.overdue().exists() == is_overdue
            assert destruction.duty_of(agreement).is_overdue == is_overdue


# --- from preparing to the answer


def test_prepared_signed_acknowledged(world):
    agreement = ended(world)
    delivery = agreement.deliveries.get()
    certificate = signed(world, agreement)
    assert certificate.code.startswith("TH-")
    assert delivery.sha256 in certificate.content
    assert delivery.code in certificate.content
    assert destruction.duty_of(agreement) is None
    with days_on(60):
        assert not destruction.owing().exists()
    answered = destruction.acknowledge(certificate=certificate, by=world.approver)
    assert answered.state == CertificateState.ACKNOWLEDGED
    steps = Entry.objects.about("agreement", agreement.code).filter(action__startswith="certificate.")
    assert list(steps.order_by("sequence").values_list("action", flat=True)) == [
        "certificate.prepare",
        "certificate.sign",
        "certificate.acknowledge",
    ]
    told = Notice.objects.filter(kind__startswith="exchange.certificate")
    assert {notice.recipient for notice in told} == {*world.approvers, world.requester, world.endorser}


def test_what_was_signed_is_a_numbered_letter_that_can_be_checked(client, world):
    agreement = ended(world)
    certificate = signed(world, agreement)
    letter = certificate.letter
    assert (letter.agency, letter.number, letter.case) == (world.consumer, 1, agreement.case)
    decision = agreement.case.letters.get(agency=world.provider)
    check = letter_checks.by_code(agency=world.consumer.code, number=1, code=letter.check_code)
    assert check.verdict == letter_text.VERDICTS[letter_text.Kind.CERTIFIED]
    assert check.is_latest
    assert letter_checks.by_code(agency=world.provider.code, number=decision.number, code=decision.check_code).is_latest
    destruction.acknowledge(certificate=certificate, by=world.approver)
    assert (
        letter_checks.by_code(agency=world.consumer.code, number=1, code=letter.check_code).standing != check.standing
    )
    for language in ("vi", "en"):
        with translation.override(language):
            paper = wording.paper_of(letter, "https://portal.example.vn")
            told = json.dumps(paper, ensure_ascii=False)
            assert agreement.deliveries.get().sha256 in told
            assert str(DestructionMethod.PURGE.label) in told
            assert certificate.content_hash in told
    client.force_login(world.requester)
    detail = reverse("exchange:letter-detail", args=[letter.public_id])
    assert client.get(detail).url == certificate.get_absolute_url()
    assert decision.notation in client.get(agreement.case.request.get_absolute_url()).content.decode()
    pdf = client.post(reverse("exchange:letter-download", args=[letter.public_id])).content
    assert pdf.startswith(b"%PDF")
    assert letter_checks.by_hash(sha256=hashlib.sha256(pdf).hexdigest()).file_fits
    client.force_login(world.approver)
    assert client.post(reverse("admin:exchange_letter_pdf", args=[letter.pk])).status_code == 200
    client.force_login(person(world.stranger, Role.APPROVER))
    assert client.post(reverse("admin:exchange_letter_pdf", args=[letter.pk])).status_code == 404


def test_what_is_kept_says_so_on_paper(world):
    certificate = destruction.prepare(agreement=ended(world), by=world.requester, answers=kept(world))
    certificate = destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)
    told = json.dumps(wording.paper_of(certificate.letter, "https://portal.example.vn"), ensure_ascii=False)
    assert world.basis.number in told
    assert "Hồ sơ vụ việc phải lưu" in told


def test_a_refused_one_is_owed_again(world):
    agreement = ended(world)
    certificate = signed(world, agreement)
    destruction.refuse(certificate=certificate, by=world.approver, reason="Chưa kể bản sao lưu")
    assert destruction.duty_of(agreement).kept_until == timezone.localdate()
    with days_on(1):
        assert [one.pk for one in destruction.owing()] == [agreement.pk]
    again = signed(world, agreement)
    assert destruction.duty_of(agreement) is None
    assert again.pk != certificate.pk


def test_what_is_kept_under_a_law_is_owed_after_its_last_day(world):
    agreement = ended(world)
    certificate = destruction.prepare(agreement=agreement, by=world.requester, answers=kept(world))
    destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)
    with days_on(399):
        assert not destruction.owing().exists()
    with days_on(401):
        assert [one.pk for one in destruction.owing()] == [agreement.pk]


def test_another_period_is_certified_anew(world):
    agreement = world.delivered().agreement
    with days_on(91):
        agreements.expire(agreement=agreement)
    signed(world, agreement)
    later = timezone.localdate() + timedelta(days=40)
    second = world.amended(
        agreement, kind=RequestKind.RENEWAL, period_from=timezone.localdate(), period_to=later, retention_until=later
    )
    with days_on(100):
        assert destruction.duty_of(agreement) is None  # nothing was received since
    world.delivered(second)
    with days_on(100):
        assert destruction.duty_of(agreement).agreement == second


def test_everything_that_belongs_to_the_kind_is_needed(world):
    agreement = ended(world)
    tomorrow = timezone.localdate() + timedelta(days=1)
    for wrong, field in (
        (answers(method=""), "method"),
        (answers(destroyed_on=tomorrow), "destroyed_on"),
        (answers(places=""), "places"),
        (kept(world, reason=""), "reason"),
        (kept(world, kept_until=timezone.localdate()), "kept_until"),
        (kept(world, kept_under=factories.LegalInstrumentFactory(ended=True)), "kept_under"),
    ):
        with pytest.raises(Incomplete) as caught:
            destruction.prepare(agreement=agreement, by=world.requester, answers=wrong)
        assert set(caught.value.fields) == {field}
    assert not DestructionCertificate.objects.exists()


def test_separation_of_duties(world):
    agreement = ended(world)
    refused("not-your-role", destruction.prepare, agreement=agreement, by=world.approver, answers=answers())
    refused("nothing-to-certify", destruction.prepare, agreement=world.agreed(), by=world.requester, answers=answers())
    own = destruction.prepare(agreement=agreement, by=world.endorser, answers=answers())
    refused("certificate-open", destruction.prepare, agreement=agreement, by=world.requester, answers=answers())
    read = own.content_hash
    refused("rule-1", destruction.sign, certificate=own, by=world.endorser, content_hash=read)
    refused("not-your-role", destruction.sign, certificate=own, by=world.requester, content_hash=read)
    refused("rule-2", destruction.sign, certificate=own, by=world.second_endorser, content_hash="0" * 64)
    refused("wrong-state", destruction.acknowledge, certificate=own, by=world.approver)
    own = destruction.sign(certificate=own, by=world.second_endorser, content_hash=read)
    joined = factories.decider(world.database)
    factories.MembershipFactory(user=joined, agency=world.ministry, role=Role.REQUESTER)
    refused("rule-1", destruction.acknowledge, certificate=own, by=joined)
    refused("not-assigned", destruction.acknowledge, certificate=own, by=person(world.provider, Role.APPROVER))
    refused("not-assigned", destruction.acknowledge, certificate=own, by=factories.UserFactory(superuser=True))
    refused("not-assigned", destruction.refuse, certificate=own, by=world.operator, reason="Không")
    refused("reason-needed", destruction.refuse, certificate=own, by=world.approver, reason=" ")
    delegation = factories.DelegationFactory(
        agency=world.provider, delegator=world.approver, delegate=person(world.provider, Role.CASE_OFFICER)
    )
    destruction.acknowledge(certificate=own, by=delegation.delegate)
    entry = Entry.objects.filter(action="certificate.acknowledge").latest("sequence")
    assert str(world.approver.public_id) in entry.details
    with pytest.raises(WrongState):
        destruction.refuse(certificate=own, by=world.approver, reason="Muộn rồi")


def test_it_is_given_up_before_it_is_signed_only(world):
    agreement = ended(world)
    certificate = prepared(world, agreement)
    refused("reason-needed", destruction.drop, certificate=certificate, by=world.endorser)
    other = person(world.consumer, Role.REQUESTER)
    refused("not-your-role", destruction.drop, certificate=certificate, by=other, reason="Sai")
    destruction.drop(certificate=certificate, by=world.endorser, reason="Thiếu bản in")
    kept_one = signed(world, agreement)
    refused("wrong-state", destruction.drop, certificate=kept_one, by=world.requester)


# --- the database


def refused_by_database(statement: str, *values) -> None:
    with pytest.raises(IntegrityError):
        execute(statement, *values)


def execute(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement, values)


@pytest.mark.parametrize(
    "change",
    [
        "places = 'nowhere'",
        "content = '{}', content_hash = repeat('a', 64)",
        "signed_by_id = prepared_by_id",
        "signed_at = NULL, signed_by_id = NULL",
        "dropped_at = now(), dropped_by_id = prepared_by_id",
        "acknowledged_at = now(), acknowledged_by_id = prepared_by_id",
        "refused_at = now(), refused_by_id = signed_by_id, refusal_reason = 'x'",
        "kind = 'kept'",
        "letter_id = NULL",
    ],
)
@pytest.mark.postgresql
def test_sql_changes_nothing_that_was_signed(world, change):
    signed(world)
    refused_by_database(f"UPDATE exchange_destructioncertificate SET {change}")  # noqa: S608 - from the list above


@pytest.mark.postgresql
def test_sql_neither_deletes_nor_answers_twice_nor_signs_for_others(world):
    certificate = prepared(world)
    signing = "UPDATE exchange_destructioncertificate SET signed_at = now(), signed_by_id = %s"
    for wrong in (world.requester, world.approver):
        refused_by_database(signing, wrong.pk)
    destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)
    destruction.acknowledge(certificate=certificate, by=world.approver)
    for statement in (
        "UPDATE exchange_destructioncertificate SET acknowledged_at = now() + interval '1 s'",
        "DELETE FROM exchange_destructioncertificate",
        "TRUNCATE exchange_destructioncertificate CASCADE",
    ):
        refused_by_database(statement)


@pytest.mark.postgresql
def test_sql_certifies_nothing_that_runs(world):
    agreement = world.delivered().agreement
    text = "{}"
    with pytest.raises(IntegrityError, match="nothing to certify"), transaction.atomic():
        DestructionCertificate.objects.create(
            code="TH-1", agreement=agreement, prepared_by=world.requester, content=text,
            content_hash="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", **answers(),
        )  # fmt: skip


# --- desk, digest, the owner's lists


def names(user) -> dict[str, list[str]]:
    return {section.name: [row.code for row in section.rows] for section in desk.for_person(user)}


def test_each_step_waits_on_the_right_desk(world):
    agreement = ended(world)
    assert "certify" not in names(world.requester)
    with days_on(1):
        assert names(world.requester)["certify"] == [agreement.code]
        assert names(world.endorser)["certify"] == [agreement.code]
    certificate = prepared(world, agreement)
    with days_on(1):
        assert "certify" not in names(world.requester)
    assert names(world.endorser) == {"sign-certificates": [certificate.code]}
    destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)
    assert names(world.approver) == {"answer-certificates": [certificate.code]}
    assert names(world.officer) == {}
    destruction.acknowledge(certificate=certificate, by=world.approver)
    assert names(world.approver) == {}


def test_what_is_overdue_is_brought_before_the_owner_once(world):
    agreement = ended(world)
    with days_on(40):
        assert names(world.approver) == {"uncertified": [agreement.code]}
        assert destruction_desk.tell_overdue() == 1
        assert destruction_desk.tell_overdue() == 0
        told = Notice.objects.filter(kind="exchange.certificate.overdue")
        assert {notice.recipient for notice in told} == set(world.approvers)
        assert Entry.objects.filter(action="certificate.overdue").count() == 1
        assert {world.requester.pk, world.endorser.pk, world.approver.pk} <= digests.concerned()
        assert digests.counts_for(world.requester)["overdue"] == 1
        assert digests.counts_for(world.approver)["overdue"] == 1


def test_the_case_page_warns_of_it_and_decides_nothing(client, world):
    agreement = ended(world)
    case = world.under_review().cases.get()
    client.force_login(world.approver)
    url = reverse("admin:exchange_reviewcase_change", args=[case.pk])
    link = f'{reverse("admin:exchange_agreement_change", args=[agreement.pk])}">{agreement.code}</a> {world.dataset}'
    assert link not in client.get(url).content.decode()
    with days_on(40):
        client.force_login(world.approver)
        assert link in client.get(url).content.decode()


def test_the_pages_from_end_to_end(client, world):
    agreement = ended(world)
    client.force_login(world.requester)
    page = client.get(reverse("exchange:agreement-detail", args=[agreement.public_id])).content.decode()
    form = reverse("exchange:certificate-create", args=[agreement.public_id])
    assert form in page
    assert client.get(form).status_code == 200
    data = {"kind": "destroyed", "places": "Máy chủ", "statement": "Đã hủy"}
    assert client.post(form, data).status_code == 422
    data |= {"method": "clear", "destroyed_on": timezone.localdate().isoformat()}
    response = client.post(form, data, follow=True)
    certificate = DestructionCertificate.objects.get()
    assert certificate.code in response.content.decode()
    client.force_login(world.endorser)
    sign = reverse("exchange:certificate-sign", args=[certificate.public_id])
    client.post(sign, {"revision_hash": certificate.content_hash})
    client.force_login(world.approver)
    page = reverse("admin:exchange_destructioncertificate_change", args=[certificate.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"answer": "refuse", "reason": ""}).status_code == 422
    assert client.post(page, {"answer": "refuse", "reason": "Thiếu"}).status_code == 302
    certificate.refresh_from_db()
    assert certificate.state == CertificateState.REFUSED
    assert client.post(page, {"answer": "acknowledge"}).status_code == 409
    client.force_login(world.requester)
    assert "Thiếu" in client.get(certificate.get_absolute_url()).content.decode()


def test_what_is_not_signed_is_not_the_owners(client, world):
    certificate = prepared(world)
    client.force_login(world.approver)
    page = reverse("admin:exchange_destructioncertificate_change", args=[certificate.pk])
    assert client.get(page).status_code == 404
    client.force_login(person(world.stranger, Role.APPROVER))
    destruction.sign(certificate=certificate, by=world.endorser, content_hash=certificate.content_hash)
    assert client.get(page).status_code == 404


def count_of(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_lists_take_as_many_queries_with_2_as_with_20_rows(client, world):
    certificates = reverse("admin:exchange_destructioncertificate_changelist")
    owed = reverse("admin:exchange_agreement_changelist") + "?certificate=owed"
    counts, people = [], (world.approver, world.requester)
    for more in (2, 18):
        for _number in range(more):
            signed(world)
            ended(world)
        with days_on(40):
            figures = []
            for user, urls in zip(people, ((certificates, owed), ()), strict=True):
                client.force_login(user)
                figures += [count_of(client, url) for url in (*urls, reverse("exchange:desk"))]
        counts.append(figures)
    assert counts[0] == counts[1]
