"""Agreements of the own agency: what may be used, by whom, until when; and the deliveries under it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, FormView

from exchange import source_changes, stop_words, summary, versions, workflow
from exchange.choices import RequestKind, SearchPage
from exchange.comparison import Comparison, with_former
from exchange.forms.filters import AgreementFilterForm
from exchange.forms.reason import NameForm, ReasonForm
from exchange.forms.request import colleagues_of
from exchange.models import Agreement, DestructionCertificate
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import (
    agreements,
    amendments,
    attesting,
    deliveries,
    destruction,
    limits,
    requests,
    stop_notices,
    stopping,
)
from exchange.views.base import ButtonView, FilteredListView, RefusedFormMixin, VisibleMixin, page_of
from registry import permissions
from registry.choices import PACKAGES, Role
from registry.views.lists import PER_PAGE

VERSIONS_SHOWN = 20


class AgreementListView(FilteredListView):
    search_page = SearchPage.AGREEMENTS
    model = Agreement
    form_class = AgreementFilterForm
    template_name = "exchange/agreement_list.html"
    context_object_name = "agreements"


class AgreementDetailView(VisibleMixin, DetailView):
    model = Agreement
    context_object_name = "agreement"
    template_name = "exchange/agreement_detail.html"

    def get_context_data(self, **kwargs) -> dict:
        agreement, user = self.object, self.request.user
        fields, lines = summary.of_scope(Scope.from_text(agreement.scope), agreement.dataset)
        moves = {move.name: refusal for move, refusal in workflow.offered_moves(agreement, user)}
        return super().get_context_data(
            fields=fields,
            lines=lines,
            moves=moves,
            people=self.people,
            name_form=kwargs.pop("name_form", None) or self.name_form,
            uses=limits.uses(agreement),
            is_package=agreement.mode in PACKAGES,
            order_refusal=self.order_refusal,
            use_refusal=self.use_refusal,
            confirming=attesting.standing(agreement),
            notice=stop_notices.standing(agreement) if agreement.announcement else None,
            story=source_changes.story_of(agreement),
            newer=versions.after(agreement).last(),
            versions=self.versions,
            **self.afterwards,
            following=self.following,
            under_way=amendments.open_about(agreement),
            can_file=permissions.has_role(user, Role.REQUESTER, agency=agreement.consumer),
            page_obj=Paginator(agreement.deliveries.all(), PER_PAGE).get_page(self.request.GET.get("page")),
            **kwargs,
        )

    @property
    def name_form(self) -> NameForm | None:
        """Only for those who may name somebody and take them off; the service checks it again."""
        if workflow.refusal_of(lambda: agreements.check_naming(agreement=self.object, by=self.request.user)):
            return None
        return NameForm(people=colleagues_of(self.object.consumer).exclude(pk=self.request.user.pk))

    @property
    def versions(self) -> list[tuple[Agreement, Comparison | None]]:
        """The latest versions with what each changed; nothing where there is only one."""
        rows = versions.versions_of(self.object).for_lists().prefetch_related("dataset__fields").order_by("-version")
        found = list(rows[: VERSIONS_SHOWN + 1])
        if len(found) < 2:
            return []
        formers = [*found[1:], None]
        pairs = [
            (one, with_former(one, former) if former else None) for one, former in zip(found, formers, strict=True)
        ]
        return pairs[:VERSIONS_SHOWN]

    @property
    def following(self) -> dict[str, Refusal | None]:
        """What a requester may ask for that follows this version, each with the refusal it would meet; else nothing."""
        agreement, user = self.object, self.request.user
        if not permissions.has_role(user, Role.REQUESTER, agency=agreement.consumer):
            return {}
        return {
            str(kind): workflow.refusal_of(lambda kind=kind: amendments.check(agreement=agreement, kind=kind, by=user))
            for kind in (RequestKind.AMENDMENT, RequestKind.RENEWAL)
        }

    @property
    def afterwards(self) -> dict:
        """What is to be certified about the data once the agreement is over, and what was."""
        found = DestructionCertificate.objects.filter(agreement__code=self.object.code)
        by = self.request.user
        return {
            "duty": destruction.duty_of(self.object),
            "certificates": list(found.order_by("-pk")[:VERSIONS_SHOWN]),
            "certify_refusal": workflow.refusal_of(destruction.check_preparing, agreement=self.object, by=by),
        }

    @property
    def people(self):
        return permissions.people_named(agreements.USE, self.object).order_by("full_name", "pk")

    @property
    def order_refusal(self) -> Refusal | None:
        return workflow.refusal_of(deliveries.check_order, self.object, self.request.user)

    @property
    def use_refusal(self) -> Refusal | None:
        return workflow.refusal_of(deliveries.check_use, self.object, self.request.user)


class AgreementOrderView(ButtonView):
    model = Agreement

    def act(self):
        return deliveries.order(agreement=self.object, by=self.request.user)


class AgreementUsersView(ButtonView):
    """Names one more person or system, or takes one off."""

    model = Agreement

    @property
    def is_removal(self) -> bool:
        return "remove" in self.request.POST

    @property
    def done(self):
        if self.is_removal:
            return _("Taken off. The person or system can no longer use the agreement.")
        return _("Named. The person or system can now use the agreement.")

    @cached_property
    def form(self) -> NameForm:
        if self.is_removal:
            # Also who left the agency meanwhile.
            return NameForm(self.request.POST, people=permissions.people_named(agreements.USE, self.object))
        return NameForm(self.request.POST, people=colleagues_of(self.object.consumer))

    def act(self) -> None:
        if not self.form.is_valid():
            raise Refusal("not-your-agency", _("Choose somebody who works for your agency today."))
        change = agreements.remove_user if self.is_removal else agreements.name_user
        change(agreement=self.object, user=self.form.cleaned_data["user"], by=self.request.user)


class AgreementAskAnewView(ButtonView):
    """A new draft like the agreement's request, without what its source no longer has."""

    model = Agreement
    done = _("A new draft without what is gone. The letter number and the declarations are to be made anew.")

    def act(self):
        without = source_changes.gone_of(self.object)
        return requests.copy(request=self.object.case.request, by=self.request.user, without=without)


class AgreementAmendView(ButtonView):
    """A draft about the agreement itself, which stays as it is meanwhile."""

    model = Agreement
    kind = RequestKind.AMENDMENT
    done = _("A draft with what the agreement gives now: change what is to be different. Until then nothing changes.")

    def act(self):
        return amendments.begin(agreement=self.object, kind=self.kind, by=self.request.user)


class AgreementRenewView(AgreementAmendView):
    kind = RequestKind.RENEWAL
    done = _("A draft for the period that follows. The agreement goes on as it is until its last day.")


class AgreementRelinquishView(RefusedFormMixin, VisibleMixin, FormView):
    """Asks once more, and for the reason, before an agreement ends for good."""

    model = Agreement
    form_class = ReasonForm
    template_name = "exchange/agreement_relinquish.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        refusal = workflow.refusal_of(workflow.check_move, "relinquish", self.object, request.user)
        if refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        stops = stop_words.for_consumer(stopping.read(self.object))
        return super().get_context_data(agreement=self.object, stops=stops, **kwargs)

    def act(self, form) -> HttpResponse:
        agreements.relinquish(agreement=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        messages.success(self.request, _("The agreement is given up."))
        return redirect(page_of(self.object))
