"""A request beside the standing permission: what is inside needs no new decision, what is outside is marked."""

import pytest

from exchange.models import Agreement
from exchange.services import standing
from exchange.states import RequestStatus
from registry.choices import Masking, Operator
from registry.models import PolicyField, SharingPolicy
from tests import factories
from tests.exchange.desk import as_user, page
from tests.scenarios import hash_of


@pytest.fixture
def both(make_world):
    """A standing permission for two fields, and beside it a policy that people decide on, for all of them."""
    world = make_world(standing=True, title="Cho phép thường xuyên")
    world.policy.policy_fields.exclude(field__name__in=["citizen_id", "full_name", "born"]).delete()
    wide = factories.SharingPolicyFactory(dataset=world.dataset, title="Theo từng yêu cầu")
    for name, field in world.fields.items():
        factories.PolicyFieldFactory(
            policy=wide, field=field, masking=field.default_masking, is_filterable=name in {"citizen_id", "province"}
        )
    return world


def test_wholly_inside_is_granted_and_said_before(both, client):
    draft = both.draft()
    client.force_login(both.requester)
    assert "được chấp thuận ngay khi ký" in client.get(f"/requests/{draft.public_id}/").content.decode()
    both.submitted(both.proposed(draft))
    draft.refresh_from_db()
    assert draft.status == RequestStatus.APPROVED
    assert Agreement.objects.get().is_standing


def test_what_is_outside_is_marked_for_the_clerk_the_signatory_and_the_desk(both, client):
    draft = both.draft(field_names=["citizen_id", "income"])
    client.force_login(both.requester)
    told = client.get(f"/requests/{draft.public_id}/").content.decode()
    assert "nằm ngoài phạm vi" in told
    assert "income" in told
    both.proposed(draft)
    client.force_login(both.endorser)
    assert "nằm ngoài phạm vi" in client.get(f"/requests/{draft.public_id}/endorse/").content.decode()
    both.submitted(draft)
    draft.refresh_from_db()
    assert draft.status == RequestStatus.SUBMITTED
    shown = as_user(both.officer).get(page(draft.cases.get()))
    lines = {line["name"]: line["outside"] for line in shown.context["page"].lines}
    assert lines == {"citizen_id": False, "income": True}
    assert shown.content.decode().count("ngoài phạm vi cho phép thường xuyên") == 1
    assert "Cho phép thường xuyên" in shown.content.decode()


def test_rows_that_it_does_not_let_be_chosen_are_outside(both):
    both.policy.policy_fields.update(is_filterable=False)
    draft = both.draft(row_filter=[{"field": "citizen_id", "operator": Operator.EQUALS, "values": ["001099000001"]}])
    found = standing.beside_draft(draft)
    assert [one.field for one in found.outside] == ["row_filter"]
    assert not found.outside_fields


def test_a_field_that_would_show_more_is_outside(both):
    PolicyField.objects.filter(policy=both.policy, field__name="full_name").update(masking=Masking.NULL)
    both.submitted(both.proposed(both.draft(field_names=["citizen_id", "full_name", "income"])))
    request = both.dataset.requests.get()
    assert request.status == RequestStatus.SUBMITTED
    found = standing.beside(request, standing.scopes.scope_of_revision(request.revisions.first()))
    assert found.outside_fields == {"full_name", "income"}


def test_the_nearest_of_several_counts(both):
    far = factories.SharingPolicyFactory(
        dataset=both.dataset,
        is_standing=True,
        decided_by=both.approver,
        decided_at=both.policy.decided_at,
        title="Chỉ ngày sinh",
    )
    factories.PolicyFieldFactory(policy=far, field=both.fields["born"], masking=Masking.YEAR)
    found = standing.beside_draft(both.draft(field_names=["citizen_id", "income"]))
    assert found.policy == both.policy


def test_one_that_rests_on_nobody_any_more_says_so(both, client):
    """Whoever gave it decides no longer: wholly inside, and yet people decide."""
    other = factories.UserFactory()
    SharingPolicy.objects.filter(pk=both.policy.pk).update(decided_by=other)
    draft = both.draft()
    client.force_login(both.requester)
    assert "không còn" in client.get(f"/requests/{draft.public_id}/").content.decode()
    assert both.submitted(both.proposed(draft)).status == RequestStatus.SUBMITTED
    assert "không còn" in as_user(both.officer).get(page(draft.cases.get())).content.decode()


def test_a_closed_case_is_not_compared(both):
    request = both.under_review(field_names=["citizen_id", "income"])
    both.voted(request)
    assert as_user(both.approver).get(page(request.cases.get())).context["page"].beside_standing is None


def test_without_a_standing_permission_nothing_is_said(world, client):
    draft = world.draft()
    assert standing.beside_draft(draft) is None
    client.force_login(world.requester)
    assert "thường xuyên" not in client.get(f"/requests/{draft.public_id}/").content.decode()
    request = world.proposed(draft)
    assert hash_of(request)
