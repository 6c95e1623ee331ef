"""Requests of the own agency: the list, the form in three screens, one request, and the clerk's buttons."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, FormView, TemplateView

from exchange import offers, overlap_words, revisions, summary, timeline, workflow
from exchange.choices import SearchPage
from exchange.comparison import with_running
from exchange.forms.dataset import DatasetForm
from exchange.forms.filters import RequestFilterForm
from exchange.forms.reason import NameForm, OptionalReasonForm
from exchange.forms.request import STEPS, TITLES, suggest
from exchange.forms.request_places import places
from exchange.models import Agreement, Decision, Delivery, ExchangeRequest, Letter, RequestTemplate
from exchange.refusals import Refusal, Suspended
from exchange.services import joint, overlaps, requests, standing, taking_over
from exchange.states import RequestStatus
from exchange.views.attachments import files_context
from exchange.views.base import (
    ButtonView,
    FilteredListView,
    PageMixin,
    RefusedFormMixin,
    VisibleMixin,
    page_of,
)
from exchange.views.choosing import choice_of_datasets
from exchange.views.comments import comments_context
from exchange.views.corrections import correction_context, last_return
from exchange.views.joint import joint_context
from exchange.views.known import known_of
from exchange.views.scanned_letters import suggestions
from exchange.waiting import whose_turn
from registry import permissions
from registry.choices import Role
from registry.models import Agency, Dataset, User
from registry.views.lists import PER_PAGE

LAST_STEP = max(STEPS)
# In these states the row may say something else than the text that was sent last.
NOT_FROZEN = (RequestStatus.DRAFT, RequestStatus.RETURNED, RequestStatus.WITHDRAWN, RequestStatus.EXPIRED)


class RequestListView(FilteredListView):
    search_page = SearchPage.REQUESTS
    model = ExchangeRequest
    form_class = RequestFilterForm
    template_name = "exchange/request_list.html"
    context_object_name = "requests"


class RequestCreateView(PageMixin, TemplateView):
    """GET says what is begun and for which agency; POST begins the draft."""

    template_name = "exchange/request_create.html"

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            agencies=self.agencies,
            dataset=self.dataset,
            is_unknown=bool(self.code and not self.dataset),
            obstacle=offers.obstacle_for_all(self.agencies, self.dataset) if self.dataset else "",
            templates=RequestTemplate.objects.offered(self.agencies, self.dataset),
            **kwargs,
        )

    @cached_property
    def code(self) -> str:
        return (self.request.POST or self.request.GET).get("dataset", "")

    @cached_property
    def agencies(self) -> list[Agency]:
        return offers.agencies_filed_for(self.request.user)

    @cached_property
    def dataset(self) -> Dataset | None:
        form = DatasetForm({"dataset": self.code})
        return form.cleaned_data["dataset"] if form.is_valid() else None

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.code and not self.dataset:
            return self.render_to_response(self.get_context_data(), status=422)
        obstacle = offers.obstacle(self.consumer, self.dataset) if self.dataset else ""
        if obstacle is offers.SUSPENDED:
            return self.render_to_response(self.get_context_data(), status=Suspended.status)
        if obstacle:
            raise offers.refusal(obstacle)
        draft = requests.create(consumer=self.consumer, by=request.user, content=self.prefilled())
        return redirect("exchange:request-edit", draft.public_id, 1)

    @property
    def consumer(self) -> Agency:
        wanted = self.request.POST.get("agency", "")
        for agency in self.agencies:
            if agency.code == wanted or len(self.agencies) == 1:
                return agency
        raise Refusal("not-your-role", _("Choose an agency for which you file requests."))

    def prefilled(self) -> dict:
        known = known_of(self.request.user)
        return {**known, "dataset": self.dataset} if self.dataset else known

    def refused_url(self) -> str:
        return reverse("exchange:request-create")


class RequestEditView(RefusedFormMixin, VisibleMixin, FormView):
    """One screen of the draft. Without a dataset, or asked for another one, the first screen chooses it."""

    model = ExchangeRequest
    context_object_name = "draft"
    template_name = "exchange/request_edit.html"

    def get_queryset(self):
        return super().get_queryset().select_related("legal_basis")

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        self.step = kwargs["step"]
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            requests.check_editable(request=self.object, by=request.user)
        except Refusal as refusal:
            if refusal.code == "wrong-state":
                messages.error(request, refusal.message)
                return redirect(page_of(self.object))
            raise
        return super().get(request, *args, **kwargs)

    @property
    def is_choosing(self) -> bool:
        if self.step != 1 or self.object.amends_id:
            return False
        return self.object.dataset is None or "choose" in self.request.GET or "choose" in self.request.POST

    def get_template_names(self) -> list[str]:
        return ["exchange/request_dataset.html" if self.is_choosing else f"exchange/request_step{self.step}.html"]

    def get_form(self, form_class=None):
        data = self.request.POST if self.request.method == "POST" else None
        if self.is_choosing:
            return DatasetForm(data)
        form = STEPS[self.step](data, draft=self.object, notes=self.notes)
        suggest(form, suggestions(self.request.session, self.object))
        return form

    @cached_property
    def notes(self) -> dict[str, str]:
        decision = self.decision
        return decision.field_reasons if decision else {}

    @cached_property
    def decision(self) -> Decision | None:
        return last_return(self.object) if self.object.status == RequestStatus.RETURNED else None

    @cached_property
    def version(self) -> int:
        """Of the draft from which the page was made, however often it comes back with an error."""
        sent = self.request.POST.get("version", "")
        return int(sent) if sent.isdecimal() and len(sent) < 10 else 0

    def act(self, form) -> HttpResponse:
        save = (
            joint.save_common if self.object.joint_id and "only_here" not in self.request.POST else requests.save_draft
        )
        saved = save(
            request=self.object,
            by=self.request.user,
            version=self.version,
            content=form.content(),
            named_users=getattr(form, "people", None),
        )
        return self.proceed(saved)

    def proceed(self, saved: ExchangeRequest) -> HttpResponse:
        if self.is_choosing or "stay" in self.request.POST:
            messages.success(self.request, _("The draft is saved."))
            return redirect("exchange:request-edit", saved.public_id, self.step)
        if self.step < LAST_STEP:
            return redirect("exchange:request-edit", saved.public_id, self.step + 1)
        return redirect(page_of(saved))

    def refused(self, refusal: Refusal) -> HttpResponse:
        if refusal.code == "stale":
            # Saving once more is then a decision of the clerk, who was told.
            self.object.refresh_from_db()
            self.version = self.object.version
        return super().refused(refusal)

    def get_context_data(self, **kwargs) -> dict:
        version = self.version if self.request.method == "POST" else self.object.version
        context = super().get_context_data(
            draft=self.object,
            others=joint.others(self.object) if self.step > 1 else [],
            step=self.step,
            steps=[(number, title, number == self.step) for number, title in TITLES.items()],
            version=str(version),
            decision=self.decision,
            **kwargs,
        )
        if not self.is_choosing:
            return context
        return {**context, **choice_of_datasets(self.request.GET.get("q", ""), self.object.consumer)}


class RequestDetailView(VisibleMixin, DetailView):
    model = ExchangeRequest
    context_object_name = "exchange_request"
    template_name = "exchange/request_detail.html"

    def get_queryset(self):
        return (
            super()
            .get_queryset()
            .select_related("legal_basis", "last_edited_by", "endorsed_by", "copied_from", "amends", "taken_over_by")
            .defer(None)  # unlike a list, it shows the long texts, too
        )

    def get_context_data(self, **kwargs) -> dict:
        request, user = self.object, self.request.user
        revision = revisions.latest(request)
        moves = {move.name: refusal for move, refusal in workflow.offered_moves(request, user)}
        frozen = revision is not None and request.status not in NOT_FROZEN
        can_file = permissions.has_role(user, Role.REQUESTER, agency=request.consumer)
        return super().get_context_data(
            summary=summary.of_revision(revision) if frozen else summary.of_draft(request),
            revision=revision,
            frozen=frozen,
            comparison=with_running(revision) if frozen else None,
            standing=standing.beside_draft(request) if can_file and request.is_editable else None,
            turn=whose_turn(request),
            moves=moves,
            can_file=can_file,
            can_edit=can_file and request.is_editable,
            missing=places(moves["propose"].fields) if moves.get("propose") else [],
            **correction_context(request),
            **(_overlap_context(request) if request.is_editable else {}),
            **joint_context(request),
            **comments_context(self.request, request),
            **files_context(request, user),
            can_add=can_file and request.is_editable and revision is None and request.dataset is not None,
            **_care_context(request, user),
            events=timeline.of_request(request),
            letters=Letter.objects.filter(case__request=request, certificate__isnull=True).select_related("agency"),
            agreements=Agreement.objects.filter(case__request=request),
            deliveries=Delivery.objects.filter(agreement__case__request=request)[:PER_PAGE],
            **kwargs,
        )


def _overlap_context(request: ExchangeRequest) -> dict:
    """What the clerk should know before the request is sent."""
    found = overlaps.of_draft(request)
    if found is None:
        return {}
    return {
        "covered": overlap_words.covered(found),
        "overlap_lines": overlap_words.for_clerk(found),
        "warned": overlap_words.warnings_for_clerk(found),
    }


def _care_context(request: ExchangeRequest, user: User) -> dict:
    """Who looks after it, and what the reader can do about that."""
    gives = taking_over.may_give(request=request, by=user)
    return {
        "has_left": not request.closed_at and taking_over.has_left(request),
        "can_take_over": taking_over.can_take_over(request=request, by=user),
        "care_form": NameForm(people=taking_over.heirs_of(request)) if gives else None,
    }


class RequestProposeView(ButtonView):
    model = ExchangeRequest
    done = _("Sent for signature. A signatory of your agency signs it next.")

    def act(self) -> None:
        requests.propose(request=self.object, by=self.request.user)


class RequestCopyView(ButtonView):
    model = ExchangeRequest
    done = _("A new draft with the same content. The letter number and the declarations are to be made anew.")

    def act(self) -> ExchangeRequest:
        return requests.copy(request=self.object, by=self.request.user)


class RequestTakeOverView(ButtonView):
    """Takes it over oneself, or gives it to the colleague who was chosen."""

    model = ExchangeRequest
    done = _("Recorded: it is clear now who looks after this request.")

    def act(self) -> None:
        to = None
        if "user" in self.request.POST:
            form = NameForm(self.request.POST, people=taking_over.heirs_of(self.object))
            if not form.is_valid():
                raise Refusal("not-your-agency", _("Choose somebody who files requests for your agency today."))
            to = form.cleaned_data["user"]
        taking_over.take_over(request=self.object, by=self.request.user, to=to)


class RequestWithdrawView(RefusedFormMixin, VisibleMixin, FormView):
    """Asks once more before a request ends for good."""

    model = ExchangeRequest
    form_class = OptionalReasonForm
    template_name = "exchange/request_withdraw.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            workflow.check_move("withdraw", self.object, request.user)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object, **kwargs)

    def act(self, form) -> HttpResponse:
        requests.withdraw(request=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        messages.success(self.request, _("The request is withdrawn."))
        return redirect(page_of(self.object))
