"""One letter to several owners: what is common is written once, each owner decides on its own part."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from evidence.models import Entry
from exchange.choices import ScanState
from exchange.joint_states import JointState, state_of
from exchange.models import Agreement, ExchangeRequest, JointRequest, Letter
from exchange.refusals import Refusal
from exchange.services import attachments, cases, joint, requests, scanning
from exchange.states import REQUEST, RequestStatus
from registry.choices import Masking, Mode, Purpose, Role
from tests import factories
from tests.exchange.desk import as_user, page
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


@pytest.fixture
def second_owner(world):
    """Another agency with a dataset that it shares, and its approver."""
    owner = factories.AgencyFactory()
    dataset = factories.DatasetFactory(database=factories.DatabaseFactory(owner=owner), table_name="other")
    factories.ConnectionFactory(database=dataset.database, name=str(world.source))
    field = factories.FieldFactory(dataset=dataset, name="code")
    policy = factories.SharingPolicyFactory(dataset=dataset)
    factories.PolicyFieldFactory(policy=policy, field=field, masking=Masking.KEEP)
    return dataset, factories.handler(dataset.database), factories.decider(dataset.database)


@pytest.fixture
def two(world, second_owner):
    """Two complete drafts of one joint request."""
    first = world.draft()
    first.named_users.set([world.requester])
    second = joint.add_part(request=first, dataset=second_owner[0], by=world.requester)
    requests.save_draft(
        request=second,
        by=world.requester,
        version=second.version,
        content={"field_names": ["code"], "mode": Mode.PACKAGE},
    )
    second.refresh_from_db()
    return first, second


def fresh(*found):
    for one in found:
        one.refresh_from_db()
    return found


def signed(world, two):
    joint.propose_all(joint=two[0].joint, by=world.requester)
    hashes = {part.code: hash_of(part) for part in two}
    joint.endorse_all(joint=two[0].joint, by=world.endorser, hashes=hashes)
    return fresh(*two)


def code_of(act, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(**arguments)
    return caught.value.code


# --- the computed state


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["draft", "draft"], JointState.DRAFT),
        (["draft", "submitted"], JointState.WITH_AGENCY),
        (["returned", "approved"], JointState.WITH_AGENCY),
        (["offered", "under-review"], JointState.WITH_AGENCY),
        (["pending-endorsement", "under-review"], JointState.WITH_SIGNATORY),
        (["submitted", "rejected"], JointState.WITH_OWNERS),
        (["under-review", "approved"], JointState.WITH_OWNERS),
        (["approved", "approved"], JointState.GRANTED),
        (["approved", "rejected"], JointState.GRANTED_IN_PART),
        (["withdrawn", "expired"], JointState.CLOSED),
    ],
)
def test_the_state_is_what_the_parts_say(statuses, state):
    assert state_of(statuses) == state == state_of(reversed(statuses))


def test_every_pair_of_states_comes_to_one(db):
    for one in REQUEST.statuses.values:
        for other in REQUEST.statuses.values:
            assert state_of([one, other]) in JointState


# --- writing


def test_what_is_common_is_copied_and_what_is_not_is_empty(world, two):
    first, second = two
    assert second.joint == first.joint == JointRequest.objects.get()
    assert first.joint.code.startswith("YG-")
    assert (second.letter_number, second.purpose, second.period_to) == (
        first.letter_number,
        first.purpose,
        first.period_to,
    )
    assert list(second.named_users.all()) == [world.requester]
    assert second.field_names == ["code"]


def test_a_common_screen_is_saved_in_every_part(world, two):
    first, second = two
    joint.save_common(
        request=first,
        by=world.requester,
        version=first.version,
        content={"reason": "Lý do mới", "purpose": Purpose.PROCEDURE},
    )
    assert [part.reason for part in fresh(*two)] == ["Lý do mới", "Lý do mới"]
    joint.save_common(request=first, by=world.requester, version=first.version, content={"field_names": ["citizen_id"]})
    assert fresh(second)[0].field_names == ["code"]


def test_a_part_that_is_on_its_way_keeps_its_text(world, two):
    first, second = two
    requests.propose(request=second, by=world.requester)
    joint.save_common(request=first, by=world.requester, version=first.version, content={"reason": "Lý do mới"})
    assert fresh(second)[0].reason != "Lý do mới"


def test_the_page_saves_in_all_parts_unless_told_otherwise(world, two, client):
    first, _second = two
    client.force_login(world.requester)
    address = reverse("exchange:request-edit", args=[first.public_id, 2])
    shown = client.get(address)
    assert "chỉ lưu" in shown.content.decode().lower()
    form = shown.context["form"]
    data = {name: form[name].value() or "" for name in form.fields} | {"version": first.version}
    client.post(address, data | {"letter_subject": "Cho mọi phần", "stay": "yes"})
    assert [part.letter_subject for part in fresh(*two)] == ["Cho mọi phần"] * 2
    client.post(
        address, data | {"letter_subject": "Chỉ phần này", "stay": "yes", "only_here": "yes", "version": first.version}
    )
    assert [part.letter_subject for part in fresh(*two)] == ["Chỉ phần này", "Cho mọi phần"]


@pytest.mark.parametrize("what", ["same", "own", "not-offered", "second-time"])
def test_what_cannot_be_added(world, second_owner, what):
    first = world.draft()
    dataset = {
        "same": world.dataset,
        "own": factories.DatasetFactory(database=factories.DatabaseFactory(owner=world.consumer)),
        "not-offered": factories.DatasetFactory(),
        "second-time": second_owner[0],
    }[what]
    if what == "second-time":
        joint.add_part(request=first, dataset=dataset, by=world.requester)
    expected = {"same": "asked-already", "second-time": "asked-already"}.get(what, "not-offered")
    assert code_of(joint.add_part, request=first, dataset=dataset, by=world.requester) == expected


def test_nothing_is_added_to_what_was_sent_before(world, second_owner):
    request = world.proposed()
    assert code_of(joint.add_part, request=request, dataset=second_owner[0], by=world.requester) == "wrong-state"
    requests.send_back(request=request, by=world.endorser, reason="Xem lại")
    assert code_of(joint.add_part, request=request, dataset=second_owner[0], by=world.requester) == "sent-before"


def attached(request) -> list[tuple[str, str]]:
    return list(request.attachments.of_requests().values_list("name", "sha256"))


def test_a_new_part_begins_with_the_files(world, second_owner, settings):
    first = world.draft()
    attachments.attach(
        request=first,
        by=world.requester,
        uploads=[
            SimpleUploadedFile("a.txt", b"a"),
            SimpleUploadedFile("b.txt", b"b"),
            SimpleUploadedFile("c.txt", b"c"),
        ],
    )
    attachments.detach(attachment=first.attachments.get(name="c.txt"), by=world.requester)
    second = joint.add_part(request=first, dataset=second_owner[0], by=world.requester)
    assert [name for name, _sha256 in attached(second)] == ["a.txt", "b.txt"]
    assert attached(second) == attached(first)
    assert {file.scan for file in second.attachments.all()} == {ScanState.QUARANTINED}
    kept, mine = first.attachments.get(name="a.txt"), second.attachments.get(name="a.txt")
    attachments.detach(attachment=kept, by=world.requester)
    scanning.erase_due()
    with attachments.open_file(attachment=mine, by=world.requester) as content:
        assert content.read() == b"a"
    assert Entry.objects.filter(action="request.attach", correlation_id=second.code).count() == 2


def test_a_destroyed_or_infected_file_goes_into_no_new_part(world, second_owner):
    first = world.draft()
    uploads = [SimpleUploadedFile("a.txt", b"a"), SimpleUploadedFile("b.txt", b"b")]
    attachments.attach(request=first, by=world.requester, uploads=uploads)
    first.attachments.filter(name="a.txt").update(scan=ScanState.INFECTED)
    second = joint.add_part(request=first, dataset=second_owner[0], by=world.requester)
    assert [name for name, _sha256 in attached(second)] == ["b.txt"]


def test_a_part_that_is_refused_leaves_no_file_behind(world, second_owner, settings):
    first = world.draft()
    attachments.attach(request=first, by=world.requester, uploads=[SimpleUploadedFile("a.txt", b"a")])
    joint.add_part(request=first, dataset=second_owner[0], by=world.requester)
    before = sorted(settings.ATTACHMENT_DIR.rglob("*"))
    assert code_of(joint.add_part, request=first, dataset=second_owner[0], by=world.requester) == "asked-already"
    assert sorted(settings.ATTACHMENT_DIR.rglob("*")) == before


def test_a_file_attached_in_between_is_not_lost(world, second_owner, monkeypatch):
    first, begin = world.draft(), requests.create

    def somebody_is_faster(**arguments):
        attachments.attach(request=first, by=world.requester, uploads=[SimpleUploadedFile("a.txt", b"a")])
        return begin(**arguments)

    monkeypatch.setattr(requests, "create", somebody_is_faster)
    assert code_of(joint.add_part, request=first, dataset=second_owner[0], by=world.requester) == "stale"


def test_at_most_ten_parts(world, second_owner, monkeypatch):
    monkeypatch.setattr(joint, "MOST_PARTS", 1)
    first = world.draft()
    assert code_of(joint.add_part, request=first, dataset=second_owner[0], by=world.requester) == "too-many-parts"
    first.refresh_from_db()
    assert first.joint is None


def test_a_part_cannot_turn_to_the_dataset_of_another_part(world, two):
    first, second = two
    content = {"dataset": first.dataset}
    arguments = {"request": second, "by": world.requester, "version": second.version, "content": content}
    assert code_of(requests.save_draft, **arguments) == "asked-already"


# --- the way of the parts


def test_each_owner_decides_on_its_own_part_with_a_letter_of_its_own(world, second_owner, two):
    first, second = signed(world, two)
    _dataset, officer, approver = second_owner
    assert {part.status for part in (first, second)} == {RequestStatus.SUBMITTED}
    cases.claim(request=second, by=officer)
    cases.reject(
        request=second, by=approver, reason="Không đủ căn cứ", legal_basis=world.basis, revision_hash=hash_of(second)
    )
    world.voted(world.under_review(first))
    assert state_of(part.status for part in fresh(*two)) == JointState.GRANTED_IN_PART
    assert {letter.agency for letter in Letter.objects.all()} == {world.provider, second.dataset.database.owner}
    assert Agreement.objects.get().dataset == world.dataset


def test_an_approver_of_one_owner_decides_nothing_of_the_other(world, second_owner, two):
    _first, second = signed(world, two)
    cases.claim(request=second, by=second_owner[1])
    assert code_of(cases.approve, request=second, by=world.approver, revision_hash=hash_of(second)) == "not-your-role"


def test_one_part_that_is_returned_keeps_no_other_back(world, second_owner, two):
    first, second = signed(world, two)
    cases.claim(request=second, by=second_owner[1])
    cases.send_back(request=second, by=second_owner[1], reason="Nêu rõ", revision_hash=hash_of(second))
    world.voted(world.under_review(first))
    assert state_of(part.status for part in fresh(*two)) == JointState.WITH_AGENCY
    joint.propose_all(joint=first.joint, by=world.requester)
    assert fresh(*two)[1].status == RequestStatus.PENDING_ENDORSEMENT
    assert first.status == RequestStatus.APPROVED


def test_nothing_is_sent_while_one_part_is_not_ready(world, two):
    first, second = two
    requests.save_draft(request=second, by=world.requester, version=second.version, content={"field_names": []})
    assert code_of(joint.propose_all, joint=first.joint, by=world.requester) == "incomplete"
    assert {part.status for part in fresh(*two)} == {RequestStatus.DRAFT}


def test_a_signature_names_the_text_of_each_part(world, two):
    first, second = two
    joint.propose_all(joint=first.joint, by=world.requester)
    hashes = {first.code: hash_of(first), second.code: "0" * 64}
    results = joint.endorse_all(joint=first.joint, by=world.endorser, hashes=hashes)
    assert [(result.part.code, result.refusal and result.refusal.code) for result in results] == [
        (first.code, None),
        (second.code, "rule-2"),
    ]
    assert [part.status for part in fresh(*two)] == [RequestStatus.SUBMITTED, RequestStatus.PENDING_ENDORSEMENT]


def test_withdrawing_all_leaves_what_is_decided(world, two):
    first, _second = signed(world, two)
    world.voted(world.under_review(first))
    joint.withdraw_all(joint=first.joint, by=world.requester, reason="Không cần nữa")
    assert [part.status for part in fresh(*two)] == [RequestStatus.APPROVED, RequestStatus.WITHDRAWN]


# --- pages


def test_the_clerk_adds_a_dataset_and_sends_all(world, second_owner, client):
    first = world.draft()
    first.named_users.set([world.requester])
    client.force_login(world.requester)
    shown = client.get(reverse("exchange:request-detail", args=[first.public_id])).content.decode()
    assert reverse("exchange:request-add-dataset", args=[first.public_id]) in shown
    address = reverse("exchange:request-add-dataset", args=[first.public_id])
    assert second_owner[0].title in client.get(address).content.decode()
    assert client.post(address, {"dataset": "nothing"}).status_code == 422
    answer = client.post(address, {"dataset": second_owner[0].code})
    part = ExchangeRequest.objects.get(dataset=second_owner[0])
    assert answer.url == reverse("exchange:request-edit", args=[part.public_id, 1])
    whole = reverse("exchange:joint-detail", args=[part.joint.public_id])
    assert "disabled" in client.get(whole).content.decode()  # the new part has no fields yet
    requests.save_draft(request=part, by=world.requester, version=part.version, content={"field_names": ["code"]})
    assert "disabled" not in client.get(whole).content.decode()
    answer = client.post(reverse("exchange:joint-propose", args=[part.joint.public_id]), follow=True)
    assert "Đã gửi để ký: 2 phần." in answer.content.decode()


def test_the_signatory_reads_all_and_signs_what_is_ticked(world, two, client):
    first, second = two
    joint.propose_all(joint=first.joint, by=world.requester)
    client.force_login(world.endorser)
    address = reverse("exchange:joint-endorse", args=[first.joint.public_id])
    shown = client.get(address).content.decode()
    assert hash_of(first) in shown
    assert hash_of(second) in shown
    assert "Đánh dấu ít nhất một phần" in client.post(address, follow=True).content.decode()
    answer = client.post(address, {"part": [f"{first.code}.{hash_of(first)}"]}, follow=True)
    assert "Đã ký và gửi: 1 phần." in answer.content.decode()
    client.post(address, {"part": [f"{second.code}.{hash_of(second)}"]})
    assert {part.status for part in fresh(*two)} == {RequestStatus.SUBMITTED}
    assert client.get(address).status_code == 302


def test_whoever_filed_a_part_does_not_sign_it(world, two, client):
    first, _second = two
    joint.propose_all(joint=first.joint, by=world.requester)
    factories.MembershipFactory(user=world.requester, agency=world.consumer, role=Role.ENDORSER)
    client.force_login(world.requester)
    address = reverse("exchange:joint-endorse", args=[first.joint.public_id])
    assert 'name="part"' not in client.get(address).content.decode()
    client.post(address, {"part": [f"{first.code}.{hash_of(first)}"]})
    assert fresh(first)[0].status == RequestStatus.PENDING_ENDORSEMENT


def test_withdrawing_asks_once_more(world, two, client):
    client.force_login(world.requester)
    address = reverse("exchange:joint-withdraw", args=[two[0].joint.public_id])
    assert two[1].code in client.get(address).content.decode()
    client.post(address, {"reason": ""})
    assert {part.status for part in fresh(*two)} == {RequestStatus.WITHDRAWN}
    assert "Không còn phần nào" in client.get(address).content.decode()


@pytest.mark.parametrize("name", ["detail", "endorse", "withdraw"])
def test_pages_are_for_the_agency(world, two, client, name):
    address = reverse(f"exchange:joint-{name}", args=[two[0].joint.public_id])
    client.force_login(person(world.stranger, Role.REQUESTER))
    assert client.get(address).status_code == 404
    client.force_login(world.approver)
    assert client.get(address).status_code == 404


def test_the_owner_sees_who_else_is_asked_once_it_is_signed(world, second_owner, two):
    first, second = two
    requests.propose(request=first, by=world.requester)
    requests.endorse(request=first, by=world.endorser, revision_hash=hash_of(first))
    desk = as_user(world.officer)
    shown = desk.get(page(first.cases.get())).content.decode()
    assert first.joint.code in shown
    assert str(second_owner[0].database.owner) not in shown
    requests.propose(request=second, by=world.requester)
    requests.endorse(request=second, by=world.endorser, revision_hash=hash_of(second))
    assert str(second_owner[0].database.owner) in desk.get(page(first.cases.get())).content.decode()


def test_the_list_names_it_with_no_more_questions(world, two, client, django_assert_max_num_queries):
    client.force_login(world.requester)
    address = reverse("exchange:request-list")
    client.get(address)
    with django_assert_max_num_queries(12):
        assert two[0].joint.code in client.get(address).content.decode()


# --- the database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_exchangerequest SET joint_id = NULL WHERE joint_id IS NOT NULL",
        "UPDATE exchange_jointrequest SET consumer_id = {stranger}",
        "DELETE FROM exchange_jointrequest",
        "TRUNCATE exchange_jointrequest CASCADE",
        "UPDATE exchange_exchangerequest SET dataset_id = {dataset} WHERE joint_id IS NOT NULL",
        "UPDATE exchange_exchangerequest SET joint_id = {foreign} WHERE joint_id IS NULL",
    ],
)
def test_the_database_keeps_parts_together(world, two, statement):
    foreign = JointRequest.objects.create(code="YG-X", consumer=world.stranger, created_by=world.requester)
    world.draft()
    text = statement.format(stranger=world.stranger.pk, dataset=world.dataset.pk, foreign=foreign.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(text)
