"""Joint requests: what one letter asks of several owners, part by part; and the buttons for all parts at once."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import DetailView, FormView

from exchange import summary, workflow
from exchange.forms.dataset import DatasetForm
from exchange.forms.reason import OptionalReasonForm
from exchange.joint_states import state_of
from exchange.models import ExchangeRequest, JointRequest
from exchange.refusals import Refusal
from exchange.services import joint, standing
from exchange.services.scopes import scope_of_revision
from exchange.states import REQUEST
from exchange.views.base import RefusedFormMixin, VisibleMixin, page_of
from exchange.views.choosing import choice_of_datasets
from exchange.waiting import whose_turn
from registry import permissions
from registry.choices import Role


class JointMixin(VisibleMixin):
    model = JointRequest
    context_object_name = "joint"

    @cached_property
    def parts(self) -> list[ExchangeRequest]:
        return list(joint.parts_of(self.object))

    def tell(self, results: list[joint.Result], done: str) -> HttpResponse:
        """Back to the page, with what became of each part."""
        made = sum(result.refusal is None for result in results)
        if made:
            messages.success(self.request, done % {"count": made})
        for result in results:
            if result.refusal:
                messages.error(self.request, f"{result.part.code}: {result.refusal}")
        return redirect(page_of(self.object))


class JointDetailView(JointMixin, DetailView):
    template_name = "exchange/joint_detail.html"

    def get_context_data(self, **kwargs) -> dict:
        user, parts = self.request.user, self.parts
        sendable = [part for part in parts if part.is_editable]
        unready = [
            (part, refusal)
            for part in sendable
            if (refusal := workflow.refusal_of(workflow.check_move, "propose", part, user))
        ]
        return super().get_context_data(
            state=state_of(part.status for part in parts),
            parts=[(part, whose_turn(part)) for part in parts],
            can_file=permissions.has_role(user, Role.REQUESTER, agency=self.object.consumer),
            sendable=sendable,
            unready=unready,
            to_sign=[part for part in joint.to_sign(self.object) if workflow.can_move("endorse", part, user)],
            is_open=any(part.status in REQUEST.open for part in parts),
            **kwargs,
        )


class JointProposeView(JointMixin, DetailView):
    """A button: GET, as after signing in again, only leads to the page."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        results = joint.propose_all(joint=self.object, by=request.user)
        return self.tell(results, _("Sent for signature: %(count)s parts."))


class JointEndorseView(JointMixin, DetailView):
    """Every text that waits for a signature, whole, and one button for those that were read."""

    template_name = "exchange/joint_sign.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not joint.to_sign(self.object):
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(texts=[self._text(part) for part in joint.to_sign(self.object)], **kwargs)

    def _text(self, part: ExchangeRequest) -> dict:
        revision = part.revisions.select_related("proposed_by").first()
        return {
            "part": part,
            "revision": revision,
            "summary": summary.of_revision(revision),
            "files": list(revision.attachments.all()),
            "standing": standing.beside(part, scope_of_revision(revision)),
            "refusal": workflow.refusal_of(workflow.check_move, "endorse", part, self.request.user),
        }

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        read = [text.partition(".") for text in request.POST.getlist("part")[: joint.MOST_PARTS]]
        hashes = {code: revision_hash for code, _dot, revision_hash in read}
        results = joint.endorse_all(joint=self.object, by=request.user, hashes=hashes)
        if not results:
            messages.error(request, _("Tick at least one part to sign."))
            return redirect("exchange:joint-endorse", self.object.public_id)
        return self.tell(results, _("Signed and submitted: %(count)s parts."))


class JointWithdrawView(RefusedFormMixin, JointMixin, FormView):
    """Asks once more before every open part ends for good."""

    form_class = OptionalReasonForm
    template_name = "exchange/joint_withdraw.html"

    def get_context_data(self, **kwargs) -> dict:
        parts = [part for part in self.parts if workflow.can_move("withdraw", part, self.request.user)]
        return super().get_context_data(joint=self.object, parts=parts, **kwargs)

    def act(self, form) -> HttpResponse:
        results = joint.withdraw_all(joint=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        return self.tell(results, _("Withdrawn: %(count)s parts."))


class RequestAddDatasetView(RefusedFormMixin, VisibleMixin, FormView):
    """Chooses one more dataset, of the same owner or another one, that the same letter asks for."""

    model = ExchangeRequest
    context_object_name = "draft"
    form_class = DatasetForm
    template_name = "exchange/joint_add.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            joint.check_adding(request=self.object, by=request.user)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict:
        return {"data": self.request.POST} if self.request.method == "POST" else {}

    def get_context_data(self, **kwargs) -> dict:
        chosen = choice_of_datasets(self.request.GET.get("q", ""), self.object.consumer)
        return super().get_context_data(draft=self.object, **chosen, **kwargs)

    def act(self, form) -> HttpResponse:
        part = joint.add_part(request=self.object, dataset=form.cleaned_data["dataset"], by=self.request.user)
        messages.success(
            self.request, _("Added. What the parts have in common is copied; choose what you need of this dataset.")
        )
        return redirect("exchange:request-edit", part.public_id, 1)


def joint_context(request: ExchangeRequest) -> dict:
    """For the page of one part: the others, and what they come to together."""
    if not request.joint_id:
        return {"joint": None}
    parts = list(joint.parts_of(request.joint))
    return {
        "joint": request.joint,
        "joint_state": state_of(part.status for part in parts),
        "joint_parts": [part for part in parts if part.pk != request.pk],
        "joint_told": ngettext("%(count)d part", "%(count)d parts", len(parts)) % {"count": len(parts)},
    }
