"""Which pages the menu offers to whom. Offering is a courtesy: each page checks for itself who may see it."""

from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import WebhookEndpoint
from registry.choices import Role
from registry.models import Notice
from registry.permissions import roles_of

CONSUMER = frozenset({Role.REQUESTER, Role.ENDORSER})
PROVIDER = frozenset({Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER})
EVERYBODY = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the menu may offer: to anybody, or to people with one of some roles."""

    url_name: str
    label: str | Promise
    hint: str | Promise
    icon: str
    roles: frozenset[Role] = frozenset()
    needs_staff: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    page: Page
    url: str
    is_current: bool


PAGES = (
    Page("exchange:desk", _("My desk"), _("What waits for you, the most pressing first."), "clock", EVERYBODY),
    Page(
        "registry:catalogue",
        _("Catalogue"),
        _("Which data there is, who holds it, and how to ask for it."),
        "catalogue",
    ),
    Page(
        "exchange:request-list",
        _("My requests"),
        _("Drafts, requests under way and decided ones."),
        "request",
        CONSUMER,
    ),
    Page(
        "exchange:endorsement-list",
        _("To sign"),
        _("Requests of your agency that wait for your signature."),
        "sign",
        frozenset({Role.ENDORSER}),
    ),
    Page(
        "exchange:agreement-list",
        _("Agreements and deliveries"),
        _("What was granted to your agency, and the files to download."),
        "agreement",
        CONSUMER,
    ),
    Page("exchange:lookup", _("Look-up"), _("One record at the counter, under an agreement."), "lookup", CONSUMER),
    Page(
        "exchange:paper-list",
        _("Letters"),
        _("Exchanges that still went by letter, and which part is digital."),
        "letter",
        CONSUMER | PROVIDER,
    ),
    Page(
        "admin:exchange_reviewcase_changelist",
        _("Review desk"),
        _("Requests for the databases that are entrusted to you."),
        "desk",
        PROVIDER,
        needs_staff=True,
    ),
    Page(
        "registry:stewardship",
        _("What I look after"),
        _("Databases and datasets that are entrusted to you."),
        "catalogue",
        PROVIDER | {Role.OPERATOR},
    ),
    Page("admin:index", _("Administration"), _("The registry, people and evidence."), "settings", needs_staff=True),
)


class Viewer:
    """Who looks at the page. Roles are read once, and only when something asks for them."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user = getattr(request, "user", None)  # absent where the request failed before it was known

    @cached_property
    def roles(self) -> frozenset[Role]:
        return frozenset(roles_of(self.user)) if self.user else frozenset()

    @property
    def role_labels(self) -> list:
        return [role.label for role in Role if role in self.roles]

    @cached_property
    def unread_notices(self) -> int:
        return Notice.objects.visible_to(self.user).unread().count() if self.user else 0

    @property
    def is_requester(self) -> bool:
        return Role.REQUESTER in self.roles

    @property
    def manages_webhooks(self) -> bool:
        return not self.roles.isdisjoint(WebhookEndpoint.MANAGERS)

    @cached_property
    def links(self) -> list[Link]:
        """The menu, without pages that this installation does not have."""
        links = []
        for page in PAGES:
            url = self._url(page) if self._is_offered(page) else None
            if url:
                links.append(Link(page, url, self.request.path.startswith(url)))
        return self._only_nearest_current(links)

    def _is_offered(self, page: Page) -> bool:
        if page.needs_staff and not (self.user and self.user.is_staff):
            return False
        return not page.roles or not self.roles.isdisjoint(page.roles)

    @staticmethod
    def _url(page: Page) -> str | None:
        try:
            return reverse(page.url_name)
        except NoReverseMatch:
            return None

    @staticmethod
    def _only_nearest_current(links: list[Link]) -> list[Link]:
        # The review desk lies below the administration: only the longer address is where we are.
        nearest = max((link.url for link in links if link.is_current), key=len, default="")
        return [Link(link.page, link.url, link.is_current and link.url == nearest) for link in links]
