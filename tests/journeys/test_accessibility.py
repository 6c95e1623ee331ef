"""What axe finds on the pages of the decision desk, for each person, on a desk and on a phone: nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from exchange.choices import ConflictKind, Frequency, StopKind
from exchange.models import ReviewCase
from exchange.services import cases, joint, recusals, requests, stop_notices, webhooks
from registry.choices import Masking
from tests import factories
from tests.scenarios import hash_of

pytestmark = pytest.mark.browser

# WCAG 2.2 at level AA, and what axe calls good practice.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"label-title-only": {"enabled": False}},  # the search box of the admin: its magnifying glass is its label
    "preload": False,  # it looks for imported style sheets beside the page
}
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


def found(page) -> list[str]:
    """One line for each violation: the rule, and where on the page."""
    answer = Axe().run(page, options=RULES).response
    return [
        f"{problem['id']}: {problem['help']} – {node['html'][:140]}"
        for problem in answer["violations"]
        for node in problem["nodes"]
    ]


@pytest.fixture
def busy(served_world):
    """Something in every state, a joint request, a declared conflict, a return with remarks, an agreement with a file."""
    world = served_world
    owner = factories.DatabaseFactory(owner=factories.AgencyFactory())
    other = factories.DatasetFactory(database=owner)
    policy = factories.SharingPolicyFactory(dataset=other)
    factories.PolicyFieldFactory(policy=policy, field=factories.FieldFactory(dataset=other), masking=Masking.KEEP)
    world.draft_of_two = world.draft(letter_subject="Đề nghị gộp")
    world.draft_of_two.named_users.set([world.requester])
    joint.add_part(request=world.draft_of_two, dataset=other, by=world.requester)
    world.to_sign, world.new = world.proposed(), world.submitted()
    world.review, world.offer = world.under_review(), world.offered(world.under_review())
    recusals.declare(request=world.review, by=world.approvers[2], kind=ConflictKind.FAMILY)
    world.returned = world.under_review()
    cases.send_back(
        request=world.returned,
        by=world.officer,
        reason="Nêu rõ mục đích",
        field_reasons={"reason": "Quá chung"},
        revision_hash=hash_of(world.returned),
    )
    world.file = world.delivered()
    address = "https://203.162.4.191/hooks"  # public, and looked up in no network
    world.webhook, _secret = webhooks.create(agency=world.consumer, by=world.endorser, url=address)
    webhooks.send_test(endpoint=world.webhook, by=world.endorser)
    world.announced = world.agreed(frequency=Frequency.ON_DEMAND)
    stop_notices.announce(
        agreement=world.announced,
        by=world.approver,
        kind=StopKind.REVOKE,
        takes_effect_on=stop_notices.earliest_day(),
        reason="Hết căn cứ pháp lý",
    )
    world.closed = requests.withdraw(request=world.under_review(), by=world.requester)
    return world


def pages_of(world) -> dict:
    def of(name: str, thing=None) -> str:
        return reverse(f"exchange:{name}", args=[thing.public_id] if thing else [])

    def case(request, name: str = "change") -> str:
        return reverse(f"admin:exchange_reviewcase_{name}", args=[request.cases.get().pk])

    def agreement(one, name: str) -> str:
        return reverse(f"admin:exchange_agreement_{name}", args=[one.pk])

    whole = world.draft_of_two.joint
    both = ReviewCase.objects.filter(request__in=[world.review, world.new])
    chosen = "&".join(f"case={one.pk}" for one in both)
    return {
        world.requester: [
            "/",
            of("desk"),
            of("request-list"),
            *(of("request-detail", one) for one in (world.draft_of_two, world.returned, world.review, world.closed)),
            reverse("exchange:request-edit", args=[world.returned.public_id, 2]),
            of("request-add-dataset", world.draft_of_two),
            of("joint-detail", whole),
            of("joint-withdraw", whole),
            of("agreement-list"),
            of("agreement-detail", world.file.agreement),
            of("delivery-detail", world.file),
            "/notices/",
            "/notices/settings/",
            of("webhook-list"),
        ],
        world.endorser: [
            of("desk"),
            of("endorsement-list"),
            of("request-endorse", world.to_sign),
            of("request-accept", world.offer),
            *(of(f"agreement-{name}", world.announced) for name in ("detail", "confirm", "relinquish")),
            of("webhook-list"),
            of("webhook-create"),
            *(of(f"webhook-{name}", world.webhook) for name in ("detail", "change", "secret")),
        ],
        world.officer: [
            of("desk"),
            reverse("admin:exchange_reviewcase_changelist"),
            case(world.new, "claim"),
            case(world.review),
            case(world.review, "return"),
            case(world.review, "extend"),
            case(world.review, "recuse"),
            reverse("admin:exchange_reviewcase_bulk-claim") + f"?{chosen}",
        ],
        world.approver: [
            of("desk"),
            case(world.review),
            case(world.review, "approve"),
            case(world.review, "reject"),
            case(world.offer),
            *(agreement(world.announced, name) for name in ("change", "revoke", "call_off")),
            agreement(world.file.agreement, "suspend"),
            reverse("admin:exchange_reviewcase_bulk-approve") + f"?{chosen}",
        ],
    }


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(busy, visitor, size):
    wrong = []
    for person, paths in pages_of(busy).items():
        visits = visitor(person, viewport=SIZES[size], bypass_csp=True)  # axe measures with styles of its own
        for path in paths:
            page = visits.visit(path)
            assert page.locator("h1").count() == 1, path
            wrong += [f"{path} {problem}" for problem in found(page)]
    assert "\n".join(wrong) == ""
