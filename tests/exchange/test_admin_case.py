"""The page of a case, and every way to decide it."""

from datetime import timedelta

import pytest

from evidence.models import Entry, Outcome
from exchange.admin import wording
from exchange.admin.dossier import Dossier
from exchange.models import Agreement, Decision, ReviewCase
from exchange.services import cases, requests
from exchange.states import RequestStatus
from registry.choices import PersonalData, Role
from tests import factories
from tests.exchange.desk import as_user, buttons, filled, page, press, refused, told
from tests.factories import person
from tests.scenarios import agreement_of, hash_of


def case_of(request) -> ReviewCase:
    return request.cases.get()


def test_page_tells_what_is_asked(world):
    world.fields["born"].personal_data = PersonalData.SENSITIVE
    world.fields["born"].save()
    case = case_of(world.under_review(row_filter=[{"field": "province", "operator": "in", "values": ["01", "79"]}]))
    text = as_user(world.approver).get(page(case)).content.decode()
    for words in (
        case.request.code,
        "12/UBND-VP",
        "Lê Văn C",
        "Trần Thị B",
        "citizen_id",
        "province",
        "01, 79",
        world.basis.number,
        "Điều 5, khoản 2",
        "Mã hoá khi lưu trữ",
        hash_of(case.request),
        str(world.officer),
        str(world.endorser),
    ):
        assert words in text
    assert 'class="status status-sensitive"' in text
    assert "status-in-force" in text


def test_page_always_tells_of_state_secrets_and_named_users(world):
    dossier = as_user(world.approver).get(page(case_of(world.under_review()))).context["page"]
    assert dict(dossier.what)[wording.term("named_users")] == str(world.requester)
    older = Dossier(dossier.case)
    older.content.update(named_users=[], has_state_secret=None)  # before these had to be stated
    for name in ("named_users", "has_state_secret"):
        assert dict(older.what)[wording.term(name)]


def test_page_says_when_the_legal_basis_has_ended(world):
    case = case_of(world.under_review())
    world.basis.effective_to = "2021-01-01"
    world.basis.save()
    dossier = as_user(world.approver).get(page(case)).context["page"]
    assert not dossier.basis_in_force


def test_page_says_what_lies_beyond_the_policy(world):
    case = case_of(world.under_review())
    assert as_user(world.approver).get(page(case)).context["page"].beyond_policy == []
    world.policy.policy_fields.get(field__name="born").delete()
    world.policy.max_rows = 10
    world.policy.save()
    assert len(as_user(world.approver).get(page(case)).context["page"].beyond_policy) == 2


def test_buttons_follow_state_and_role(world):
    case = case_of(world.submitted())
    auditor = person(factories.AgencyFactory(), Role.AUDITOR)
    assert buttons(as_user(world.officer), case) == {"claim": True}
    assert buttons(as_user(world.approver), case) == {}
    press(world.officer, case, "claim")
    handling = {"hand_over": True, "release": True}
    assert buttons(as_user(world.officer), case) == {**handling, "return": True}
    assert buttons(as_user(world.approver), case) == {**handling, "return": True, "reject": True, "approve": True}
    assert buttons(as_user(auditor), case) == {}
    assert buttons(as_user(factories.UserFactory(superuser=True)), case) == {}


def test_refused_move_says_why(world):
    case = case_of(world.under_review())
    unassigned = person(world.provider, Role.APPROVER)
    client = as_user(unassigned)
    assert buttons(client, case) == dict.fromkeys(("hand_over", "release", "return", "reject", "approve"), False)
    assert "disabled" in client.get(page(case)).content.decode()
    response = client.get(page(case, "approve"), follow=True)
    assert str(world.database) in told(response)
    assert response.redirect_chain[-1][0] == page(case)


def test_claim(world):
    request = world.submitted()
    response = press(world.officer, case_of(request), "claim")
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW
    assert case_of(request).claimed_by == world.officer
    assert request.code in told(response)


def test_approve_concludes_the_agreement(world):
    request = world.under_review()
    response = press(world.approver, case_of(request), "approve")
    request.refresh_from_db()
    assert request.status == RequestStatus.APPROVED
    assert agreement_of(request).code in told(response)


def test_approve_form_says_what_is_let_out(world):
    case = case_of(world.under_review(row_limit=500))
    meaning = as_user(world.approver).get(page(case, "approve")).context["page"].summary
    assert "3" in meaning
    assert "500" in meaning
    assert world.consumer.code in meaning


def test_approve_form_warns_of_a_row_limit_below_the_source(world):
    world.dataset.estimated_rows = 1_234
    world.dataset.save()
    case = case_of(world.under_review(row_limit=500))
    help_text = as_user(world.approver).get(page(case, "approve")).context["form"].fields["row_limit"].help_text
    assert "500" in help_text
    assert wording.number(1_234) in help_text
    assert "nothing is delivered" in help_text or "không" in help_text


@pytest.mark.parametrize("change", [{"fields_kept": ["citizen_id"]}, {"row_limit": 499}])
def test_sharing_less_needs_a_reason(world, change):
    request = world.under_review(row_limit=500)
    response = press(world.approver, case_of(request), "approve", reason=" ", **change)
    assert response.status_code == 422
    assert "reason" in response.context["form"].errors
    assert not Decision.objects.exists()


def test_approving_less_becomes_an_offer(world):
    request = world.under_review(row_limit=500)
    until = request.period_to - timedelta(days=10)
    press(
        world.approver,
        case_of(request),
        "approve",
        fields_kept=["citizen_id", "born"],
        row_limit=100,
        period_to=until.isoformat(),
        reason="Chỉ cần hai trường",
    )
    request.refresh_from_db()
    assert request.status == RequestStatus.OFFERED
    line = as_user(world.approver).get(page(case_of(request))).context["page"].decisions[0]
    assert len(line["narrowed"]) == 3
    assert world.fields["full_name"].title in line["narrowed"][0]
    scope = requests.accept(request=request, by=world.endorser) and agreement_of(request).scope
    assert "full_name" not in scope
    assert '"row_limit":100' in scope


def test_approve_refuses_what_was_not_asked_for(world):
    request = world.under_review(row_limit=500)
    for change in (
        {"fields_kept": ["citizen_id", "income"]},
        {"row_limit": 501},
        {"period_to": "2199-01-01"},
        {"fields_kept": []},
    ):
        response = press(world.approver, case_of(request), "approve", reason="Giữ lại", **change)
        assert response.status_code == 422
        assert "Giữ lại" in response.content.decode()
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW
    assert not Decision.objects.exists()


def test_two_of_two_approve(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    press(world.approvers[0], case_of(request), "approve")
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW
    assert not Agreement.objects.exists()
    client = as_user(world.approvers[0])
    assert client.get(page(case_of(request))).context["page"].approvals == 1
    assert buttons(client, case_of(request))["approve"] is False
    press(world.approvers[1], case_of(request), "approve")
    request.refresh_from_db()
    assert request.status == RequestStatus.APPROVED


def test_second_approver_cannot_widen_what_the_first_narrowed(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    case = case_of(request)
    second = as_user(world.approvers[1])
    data = filled(second, page(case, "approve"))
    press(world.approvers[0], case, "approve", fields_kept=["citizen_id"], reason="Chỉ cần số định danh")
    response = second.post(page(case, "approve"), data)
    assert response.status_code == 403
    assert refused("request.approve").get().correlation_id == request.code
    assert filled(second, page(case, "approve"))["fields_kept"] == ["citizen_id"]


def test_return_shows_reasons_and_then_the_difference(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    case = case_of(request)
    press(world.approvers[0], case, "approve")
    press(world.officer, case, "return", reason="Xem lại", about_field_names="Bỏ họ tên", about_legal_basis="")
    request.refresh_from_db()
    assert request.status == RequestStatus.RETURNED
    returned = case.decisions.get(verdict="return")
    assert returned.field_reasons == {"field_names": "Bỏ họ tên"}

    requests.save_draft(
        request=request,
        by=world.requester,
        version=request.version,
        content={"field_names": ["citizen_id", "born", "phone"], "reason": "Lý do mới"},
    )
    before = as_user(world.officer).get(page(case)).context["page"]
    assert before.revision.number == 1, "what is being corrected is not the owner's business yet"

    request.refresh_from_db()
    world.submitted(world.proposed(request))
    dossier = as_user(world.officer).get(page(case)).context["page"]
    assert dossier.revision.number == 2
    changes = {change["term"]: (change["before"], change["after"]) for change in dossier.changes}
    assert ("full_name", "phone") in changes.values()
    assert ("Giải quyết thủ tục hành chính", "Lý do mới") in changes.values()
    assert len(changes) == 2
    assert dossier.approvals == 0
    assert [line["is_void"] for line in dossier.decisions] == [True, True]
    text = as_user(world.officer).get(page(case)).content.decode()
    assert "<del>" in text
    assert "<ins>" in text


def test_return_can_be_about_everything_that_the_clerk_writes(world):
    request = world.under_review()
    form = as_user(world.officer).get(page(case_of(request), "return")).context["form"]
    asked = [point["box"].name.removeprefix("about_") for group in form.points for point in group["points"]]
    assert sorted(asked) == sorted([*requests.CONTENT, "named_users"])
    assert not any(group["is_open"] for group in form.points)
    press(world.officer, case_of(request), "return", reason="Xem lại", about_named_users="Thiếu người nhận")
    assert as_user(world.officer).get(page(case_of(request))).context["page"].decisions[0]["field_reasons"] == [
        (wording.term("named_users"), "Thiếu người nhận")
    ]


def test_return_needs_a_reason(world):
    request = world.under_review()
    response = press(world.officer, case_of(request), "return", reason=" ", about_purpose="Chưa rõ")
    assert response.status_code == 422
    assert "Chưa rõ" in response.content.decode()
    assert [group["is_open"] for group in response.context["form"].points].count(True) == 1
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW


def test_reject_issues_a_letter(world):
    request = world.under_review()
    response = press(world.approver, case_of(request), "reject", reason="Không đủ căn cứ", legal_basis=world.basis.pk)
    request.refresh_from_db()
    assert request.status == RequestStatus.REJECTED
    letter = case_of(request).letters.get()
    assert "Không đủ căn cứ" in letter.content
    assert letter.notation in response.content.decode()


def test_reject_takes_only_a_basis_in_force(world):
    request = world.under_review()
    ended = factories.LegalInstrumentFactory(ended=True)
    response = press(world.approver, case_of(request), "reject", reason="Không đủ", legal_basis=ended.pk)
    assert response.status_code == 422
    assert "Không đủ" in response.content.decode()
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW


@pytest.mark.parametrize("name", ["approve", "return", "reject"])
def test_decision_about_another_text_is_refused(world, name):
    request = world.under_review()
    response = press(
        world.approver, case_of(request), name, revision_hash="0" * 64, reason="Đã gõ", legal_basis=world.basis.pk
    )
    assert response.status_code == 403
    assert "Đã gõ" in response.content.decode()
    assert refused(f"request.{name}").get().subject_id == request.code
    assert not Decision.objects.exists()


def forged(world, user, request, name="approve"):
    """The POST of somebody to whom the form was never shown."""
    shown = as_user(world.approver)
    data = filled(shown, page(case_of(request), name))
    return as_user(user).post(page(case_of(request), name), data)


def test_superuser_is_refused_by_the_rule(world):
    request = world.under_review()
    response = forged(world, factories.UserFactory(superuser=True), request)
    assert response.status_code == 403
    assert refused("request.approve").get().subject_id == request.code
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW


def test_requester_who_is_also_approver_is_refused(world):
    factories.MembershipFactory(user=world.requester, agency=world.provider, role=Role.APPROVER)
    factories.assign(world.requester, world.database, "decide_requests")
    world.requester.is_staff = True
    world.requester.save()
    request = world.under_review()
    assert buttons(as_user(world.requester), case_of(request))["approve"] is False
    response = forged(world, world.requester, request)
    assert response.status_code == 403
    assert '"code":"rule-1"' in refused("request.approve").get().details
    assert not Decision.objects.exists()


@pytest.mark.parametrize("make", ["ministry", "consumer"])
def test_approver_from_the_asking_side_is_refused(world, make):
    factories.MembershipFactory(user=world.approver, agency=getattr(world, make), role=Role.REVIEWER)
    request = world.under_review()
    data = filled(as_user(world.approvers[1]), page(case_of(request), "approve"))
    response = as_user(world.approver).post(page(case_of(request), "approve"), data)
    assert response.status_code == 403
    assert '"code":"rule-1"' in refused("request.approve").get().details


def test_operator_does_not_reach_the_desk(world):
    request = world.under_review()
    client = as_user(world.operator)
    assert client.get(page(case_of(request))).status_code == 403
    assert client.post(page(case_of(request), "approve")).status_code == 403


def test_auditor_is_refused_every_move(world):
    request = world.under_review()
    response = forged(world, person(factories.AgencyFactory(), Role.AUDITOR), request)
    assert response.status_code == 403
    assert refused("request.approve").exists()


def test_get_changes_nothing(world):
    request = world.submitted()
    entries = Entry.objects.count()
    for user in (world.officer, world.approver):
        for name in ("change", "claim", "approve", "return", "reject"):
            as_user(user).get(page(case_of(request), name))
    request.refresh_from_db()
    assert request.status == RequestStatus.SUBMITTED
    assert Entry.objects.count() == entries


def test_decision_needs_the_csrf_token(world):
    request = world.under_review()
    data = filled(as_user(world.approver), page(case_of(request), "approve"))
    assert (
        as_user(world.approver, enforce_csrf_checks=True).post(page(case_of(request), "approve"), data).status_code
        == 403
    )
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW


def test_second_press_of_the_button_is_refused(world):
    request = world.under_review()
    client = as_user(world.approver)
    data = filled(client, page(case_of(request), "approve"), reason="Đồng ý")
    assert client.post(page(case_of(request), "approve"), data).status_code == 302
    again = client.post(page(case_of(request), "approve"), data)
    assert again.status_code == 409
    assert "Đồng ý" in again.content.decode()
    assert "status-approved" in again.content.decode()
    assert Decision.objects.count() == 1
    assert Agreement.objects.count() == 1


def test_slower_approver_is_told(world):
    request = world.under_review()
    slower = as_user(world.approvers[1])
    data = filled(slower, page(case_of(request), "approve"))
    press(world.approvers[0], case_of(request), "approve")
    response = slower.post(page(case_of(request), "approve"), data)
    assert response.status_code == 409
    assert response.context["form"].non_field_errors()
    assert not response.context["is_possible"]
    assert refused("request.approve").exists()


def test_timeline_shows_refusals(world):
    request = world.under_review()
    forged(world, factories.UserFactory(superuser=True), request)
    events = as_user(world.approver).get(page(case_of(request))).context["page"].timeline
    assert events[0]["outcome"] == Outcome.REFUSED
    assert str(world.officer) in events[1]["actor"]


def test_earlier_cases_of_the_same_agency_are_shown(world):
    first = world.voted()
    second = world.under_review()
    earlier = as_user(world.approver).get(page(case_of(second))).context["page"].earlier
    assert [(line["case"].request, line["agreement"]) for line in earlier] == [(first, agreement_of(first))]


def test_case_left_behind_by_another_dataset_cannot_be_moved(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Nhầm cơ quan", revision_hash=hash_of(request))
    old = case_of(request)
    elsewhere = factories.DatasetFactory()
    field = factories.FieldFactory(dataset=elsewhere)
    factories.SharingPolicyFactory(dataset=elsewhere, field_list=[field])
    request.refresh_from_db()
    requests.save_draft(
        request=request,
        by=world.requester,
        version=request.version,
        content={"dataset": elsewhere, "field_names": [field.name]},
    )
    world.submitted(world.proposed(request))
    client = as_user(world.officer)
    shown = client.get(page(old))
    assert shown.context["page"].dataset == world.dataset
    assert shown.context["buttons"] == []
    assert client.post(page(old, "claim")).status_code == 404
