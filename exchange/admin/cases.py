"""The review desk: the queue, the page of a case, and the pages on which it is decided."""

from django.contrib import admin
from django.db.models import Count, Exists, F, Func, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry
from exchange import workflow
from exchange.admin import forms, wording
from exchange.admin.access import DeskAdmin
from exchange.admin.advice import ADVISE
from exchange.admin.answers import AnswerPages
from exchange.admin.attachments import AttachmentPages
from exchange.admin.bulk import BulkPages
from exchange.admin.comments import CommentPages
from exchange.admin.dossier import Dossier
from exchange.admin.emergencies import REVIEW
from exchange.admin.extensions import EXTEND
from exchange.admin.filters import OfficerFilter, OverdueFilter, SensitiveFilter, StateFilter
from exchange.admin.pages import MovePages
from exchange.admin.recusals import RECUSE
from exchange.admin.templates import TemplatePages
from exchange.admin.workload import WorkloadPage
from exchange.choices import SearchPage, Urgency, Verdict
from exchange.models import Decision, ReviewCase
from exchange.services import (
    advice,
    cases,
    emergencies,
    extending,
    numbers,
    recusals,
    request_templates,
    saved_searches,
)
from exchange.states import RequestStatus
from registry.admin.base import ReadOnlyAdmin
from registry.admin.lists import KeysFirstPaginator
from registry.choices import PersonalData, Role
from registry.models import Field, User
from registry.permissions import has_role


@admin.register(ReviewCase)
class ReviewCaseAdmin(
    WorkloadPage,
    TemplatePages,
    BulkPages,
    AnswerPages,
    AttachmentPages,
    CommentPages,
    MovePages,
    DeskAdmin,
):
    list_display = [
        "code",
        "consumer",
        "dataset",
        "fields_asked",
        "state",
        "urgency",
        "due",
        "officer",
        "last_activity",
        "approvals",
    ]
    list_display_links = ["code"]
    list_filter = [StateFilter, OfficerFilter, OverdueFilter, "request__urgency", SensitiveFilter]
    list_select_related = ["request__consumer", "request__dataset", "provider", "claimed_by", "policy"]
    list_per_page = 50
    paginator = KeysFirstPaginator
    show_facets = admin.ShowFacets.NEVER
    search_fields = [
        "request__code",
        "request__consumer__code",
        "request__consumer__name_vi__unaccent",
        "request__letter_number",
    ]
    search_help_text = _("Request number, requesting agency, or number of its letter.")
    ordering = ["-request__is_emergency", "due_on", "pk"]
    autocomplete_fields = []
    readonly_fields = []

    moves = {
        "claim": forms.MoveForm,
        "take_up": forms.MoveForm,
        "hand_over": forms.HandOverForm,
        "release": forms.MoveForm,
        "approve": forms.ApproveForm,
        "return": forms.ReturnForm,
        "reject": forms.RejectForm,
        "set_aside": forms.MoveForm,
    }
    answers = (ADVISE, RECUSE, EXTEND, REVIEW)
    page_template = "admin/exchange/reviewcase/case.html"
    move_templates = "admin/exchange/reviewcase"

    def get_queryset(self, request):
        votes = (
            Decision.objects.live()
            .filter(case=OuterRef("pk"), verdict=Verdict.APPROVE)
            .order_by()
            .values("case")
            .annotate(count=Count("pk"))
            .values("count")
        )
        sensitive = (
            Field.objects.filter(dataset=OuterRef("request__dataset"), personal_data=PersonalData.SENSITIVE)
            .annotate(
                place=Func(
                    OuterRef("request__field_names"),
                    F("name"),
                    function="ARRAY_POSITION",
                    output_field=IntegerField(),
                )
            )
            .filter(place__isnull=False)
        )
        latest = Entry.objects.filter(correlation_id=OuterRef("request__code")).order_by("-sequence")
        return (
            super()
            .get_queryset(request)
            .with_moved_votes()
            .annotate(
                asks_sensitive=Exists(sensitive),
                votes=Coalesce(Subquery(votes, output_field=IntegerField()), 0),
                active_at=Subquery(latest.values("at")[:1]),
            )
        )

    def get_search_results(self, request, queryset, search_term):
        if numbers.is_whole(search_term):
            return queryset.filter(request__code=search_term.strip().upper()), False
        return super().get_search_results(request, queryset, search_term)

    def changelist_view(self, request, extra_context=None):
        context = {
            "title": _("Review desk"),
            "sees_workload": bool(self.workload_agencies(request)),
            **saved_searches.shown(request.user, SearchPage.QUEUE, request.GET.urlencode()),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description=_("request"), ordering="request__code")
    def code(self, case):
        return case.request.code

    @admin.display(description=_("requesting agency"), ordering="request__consumer__code")
    def consumer(self, case):
        return case.request.consumer

    @admin.display(description=_("dataset"))
    def dataset(self, case):
        return case.request.dataset

    @admin.display(description=_("fields"))
    def fields_asked(self, case):
        count = wording.count_fields(len(case.request.field_names))
        return format_html("{} {}", count, wording.badge("sensitive", _("sensitive"))) if case.asks_sensitive else count

    @admin.display(description=_("state"), ordering="request__status")
    def state(self, case):
        return wording.badge(case.request.status, case.request.get_status_display())

    @admin.display(description=_("urgency"))
    def urgency(self, case):
        if case.request.is_emergency:
            return wording.badge("overdue", _("Emergency"))
        label = case.request.get_urgency_display()
        if case.request.urgency == Urgency.NORMAL:
            return label
        return wording.badge(f"urgency-{case.request.urgency}", label)

    @admin.display(description=_("due on"), ordering="due_on")
    def due(self, case):
        day = _labelled(_("due on"), wording.day(case.due_on))
        if not case.is_running or case.due_on > timezone.localdate():
            return day
        mark = wording.badge("overdue", _("overdue")) if case.is_overdue else wording.badge("overdue-soon", _("today"))
        return format_html("{} {}", day, mark)

    @admin.display(description=_("case officer"), empty_value="–")
    def officer(self, case):
        if case.claimed_by is None:
            return None
        since = _("since %(day)s") % {"day": wording.day(timezone.localdate(case.claimed_at))}
        return format_html('{} <span class="quiet">{}</span>', case.claimed_by, since)

    @admin.display(description=_("last activity"), empty_value="–")
    def last_activity(self, case):
        return _labelled(_("last activity"), wording.moment(case.active_at)) if case.active_at else None

    @admin.display(description=_("approvals"))
    def approvals(self, case):
        if case.policy.is_standing:
            return _("standing permission")
        told = _("hidden") if case.is_blind else _("%(count)s of %(needed)s")
        words = told % {"count": case.votes, "needed": case.votes_needed}
        if case.has_moved_vote and case.request.status == RequestStatus.UNDER_REVIEW:
            return format_html("{} {}", words, wording.badge("overdue", _("an approver moved")))
        return words

    # The page of a case and its moves

    def get_object(self, request, object_id, from_field=None):
        case = super().get_object(request, object_id, from_field)
        related = ReviewCase.objects.select_related(
            "provider",
            "policy",
            "claimed_by",
            "request__consumer",
            "request__endorsed_by",
            "request__dataset__database__owner",
            "request__joint",
        )
        return related.get(pk=case.pk)

    def read(self, case, reader: User) -> Dossier:
        return Dossier(case, reader)

    def subject_of(self, case):
        return case.request

    def buttons(self, request, case):
        if not _is_current(case):
            return []
        # A vote is set aside where there is one of somebody who moved, and only an emergency is taken up by an approver;
        # elsewhere nobody looks for the button.
        unasked = ("nobody-moved", "no-emergency")
        return [one for one in super().buttons(request, case) if not one.refusal or one.refusal.code not in unasked]

    def move_view(self, request, object_id, name):
        if not _is_current(self._visible(request, object_id)):
            raise Http404
        return super().move_view(request, object_id, name)

    def _context(self, request, case, page):
        return super()._context(request, case, page) | {
            "may_advise": _is_current(case) and advice.can_give(request=case.request, by=request.user),
            "may_publish": request_templates.can_publish(case=case, by=request.user),
            "may_review": _is_current(case)
            and not workflow.refusal_of(emergencies.check_reviewing, request=case.request, by=request.user),
            "may_extend": _is_current(case) and extending.can_extend(request=case.request, by=request.user),
            "may_recuse": _is_current(case) and recusals.can_declare(request=case.request, by=request.user),
            "state": wording.badge(case.request.status, case.request.get_status_display()),
            "title": case.request.code,
        }

    def make(self, name: str, page: Dossier, form, by: User) -> str:
        arguments = {"request": page.request, "by": by}
        answers = form.cleaned_data
        if name == "claim":
            cases.claim(**arguments)
            return _("You have taken on %(code)s.") % {"code": page.request.code}
        if name == "take_up":
            cases.take_up(**arguments)
            return _("You have taken %(code)s up. Decide on it now.") % {"code": page.request.code}
        if name == "hand_over":
            cases.hand_over(**arguments, to=answers["officer"])
            return _("%(person)s handles %(code)s from now on.") % {
                "person": answers["officer"],
                "code": page.request.code,
            }
        if name == "release":
            cases.release(**arguments)
            return _("%(code)s is back in the queue, for anybody to take on.") % {"code": page.request.code}
        if name == "set_aside":
            cases.set_aside(**arguments)
            return _("Set aside. Another approver votes anew.")
        arguments |= {"revision_hash": answers["revision_hash"], "reason": answers["reason"]}
        if name == "return":
            cases.send_back(**arguments, field_reasons=form.field_reasons)
            return _("Returned to %(agency)s for correction.") % {"agency": page.request.consumer}
        if name == "reject":
            cases.reject(**arguments, legal_basis=answers["legal_basis"])
            return _("Rejected. A letter tells %(agency)s why.") % {"agency": page.request.consumer}
        cases.approve(
            **arguments,
            fields=set(answers["fields_kept"]),
            row_limit=answers["row_limit"],
            period_to=answers["period_to"],
            warnings_hash=answers["warnings_hash"],
        )
        return self._told_of_approval(page)

    def _told_of_approval(self, page: Dossier) -> str:
        page = Dossier(page.case, page.reader)  # what was counted before the vote no longer holds
        told = {
            "votes": page.quorum_words,
            "agency": page.request.consumer,
            "agreement": page.agreement.code if page.agreement else "",
        }
        if page.request.status == RequestStatus.APPROVED:
            return _("Approved: agreement %(agreement)s was concluded.") % told
        if page.request.status == RequestStatus.OFFERED:
            return _("Approved in part. It is now for %(agency)s to accept or decline.") % told
        if page.votes_came_apart and not page.approvals:
            return _("Yours was the last vote, and together they leave nothing to share. Talk, then vote anew.")
        return _("Your approval is recorded: %(votes)s. Nothing is shared before the last one.") % told


def _labelled(label, value: str):
    """A value that says what it is where the list has no columns, as on a phone."""
    return format_html('<span class="narrow-label">{}: </span>{}', label, value)


def _is_current(case: ReviewCase) -> bool:
    return case.request.provider == case.provider


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ["shown_case", "revision_number", "verdict", "made_by", "agency", "made_at", "voided_at"]
    list_filter = ["verdict", ("voided_at", admin.EmptyFieldListFilter)]
    list_select_related = ["case__request", "case__provider", "revision", "made_by", "agency"]
    search_fields = ["case__request__code", "made_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = [
        "shown_case",
        "revision_number",
        "revision_hash",
        "verdict",
        "scope",
        "scope_hash",
        "reason",
        "field_reasons",
        "legal_basis",
        "made_by",
        "agency",
        "delegation",
        "made_at",
        "voided_at",
    ]
    readonly_fields = fields
    owner_path = "case__provider"

    def get_queryset(self, request):
        found = super().get_queryset(request)
        return found if has_role(request.user, Role.AUDITOR) else found.readable_by(request.user)

    @admin.display(description=_("review case"), ordering="case")
    def shown_case(self, decision):
        return decision.case

    @admin.display(description=_("revision"))
    def revision_number(self, decision):
        return decision.revision.number
