"""The counter: one record by its key, under an agreement that names the person."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from exchange import summary
from exchange.forms.lookup import LookupForm
from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import lookups
from exchange.services.agreements import USE
from exchange.views.base import PageMixin, RefusedFormMixin
from registry import permissions
from registry.choices import Masking, Mode
from registry.connectors import SourceError, TemporarySourceError


@method_decorator(sensitive_post_parameters("key"), name="dispatch")
class LookupView(RefusedFormMixin, PageMixin, FormView):
    """The key travels in the body of the form only, never in an address; the answer is shown and not kept."""

    template_name = "exchange/lookup.html"
    leading_away = ()

    @cached_property
    def agreements(self) -> list[Agreement]:
        """Look-up agreements in force that name the person."""
        user = self.request.user
        named = permissions.named_objects(user, USE, Agreement)
        live = Agreement.objects.visible_to(user).counting().filter(mode=Mode.LOOKUP, pk__in=named.values("pk"))
        return list(live.for_lists().select_related("policy"))

    @cached_property
    def agreement(self) -> Agreement | None:
        """The one chosen, in the version that counts today; the only one there is needs no choice."""
        wanted = self.request.POST.get("agreement") or self.request.GET.get("agreement", "")
        if not wanted:
            return self.agreements[0] if len(self.agreements) == 1 else None
        by_id = {str(agreement.public_id): agreement for agreement in self.agreements}
        if wanted in by_id:
            return by_id[wanted]
        former = self._code_of(wanted)
        for agreement in self.agreements:
            if agreement.code == former:
                return agreement
        raise Http404

    def _code_of(self, public_id: str) -> str:
        """The number of an agreement of which the page may have been opened under an earlier version."""
        try:
            found = Agreement.objects.visible_to(self.request.user).filter(public_id=public_id)
        except ValidationError:
            return ""
        return found.values_list("code", flat=True).first() or ""

    def get_form(self, form_class=None) -> LookupForm | None:
        if self.agreement is None:
            return None
        data = self.request.POST if self.request.method == "POST" else None
        key = lookups.key_field(self.agreement)
        return LookupForm(data, key_label=key.title, key_hint=key.description)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.agreement is None:
            return self.render_to_response(self.get_context_data(), status=422)
        return super().post(request, *args, **kwargs)

    def act(self, form: LookupForm) -> HttpResponse:
        try:
            answer = lookups.look_up(
                agreement=self.agreement, by=self.request.user, purpose=self.agreement.purpose, **form.cleaned_data
            )
        except SourceError as error:
            return self.unanswered(form, error)
        kept = {"case_number": form.cleaned_data["case_number"]}
        key = form.fields["key"]
        blank = LookupForm(initial=kept, key_label=key.label, key_hint=key.help_text)
        return self.render_to_response(
            self.get_context_data(
                form=blank,
                answer=answer,
                asked=form.cleaned_data,
                receipt=str(answer.receipt),
                answered_at=timezone.now(),
                lines=self.lines_of(answer),
            )
        )

    def unanswered(self, form: LookupForm, error: SourceError) -> HttpResponse:
        temporary = isinstance(error, TemporarySourceError)
        advice = (
            _("This is usually over soon: try again in a few minutes. Your entries are still below.")
            if temporary
            else _("Trying again will not help. Tell the contact of the database what you see here.")
        )
        form.add_error(None, ValidationError([str(error), advice]))
        return self.render_to_response(self.get_context_data(form=form), status=503 if temporary else 502)

    def lines_of(self, answer: lookups.Answer) -> list[tuple]:
        """The record in the order of the agreement: title, value, and how it was masked."""
        if answer.record is None:
            return []
        known = {field.name: field for field in self.agreement.dataset.fields.all()}
        return [
            (
                known[name].title if name in known else name,
                summary.shown(known[name].kind if name in known else "", answer.record.get(name)),
                "" if masking == Masking.KEEP else Masking(masking).label,
            )
            for name, masking in Scope.from_text(self.agreement.scope).fields
        ]

    def get_context_data(self, **kwargs) -> dict:
        if "form" not in kwargs:
            try:
                kwargs["form"] = self.get_form()
            except Refusal as refusal:  # the policy names no key: nothing can be looked up under this agreement
                kwargs.update(form=None, unusable=refusal)
        return super().get_context_data(agreements=self.agreements, agreement=self.agreement, **kwargs)
