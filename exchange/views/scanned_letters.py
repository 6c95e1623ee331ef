"""A scanned letter begins a draft; what its text suggests stands beside the fields of the draft's second screen."""

from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import FormView

from exchange import offers
from exchange.forms.scanned import ScannedLetterForm
from exchange.models import ExchangeRequest
from exchange.scanned.hints import Hints
from exchange.services import scanned_letters
from exchange.uploads.limits import was_cut
from exchange.views.base import PageMixin, RefusedFormMixin
from exchange.views.known import known_of
from registry.models import Agency

SESSION_KEY = "from_letters"
MOST_KEPT = 5  # drafts whose suggestions a session remembers


class ScannedLetterView(RefusedFormMixin, PageMixin, FormView):
    form_class = ScannedLetterForm
    template_name = "exchange/scanned_letter.html"

    @cached_property
    def agencies(self) -> list[Agency]:
        return offers.agencies_filed_for(self.request.user)

    @cached_property
    def agency(self) -> Agency | None:
        wanted = (self.request.POST or self.request.GET).get("agency", "")
        return next((one for one in self.agencies if one.code == wanted), self.agencies[0] if self.agencies else None)

    def get_form_kwargs(self) -> dict:
        return super().get_form_kwargs() | {"was_cut": was_cut(self.request)}

    def post(self, request, *args, **kwargs) -> HttpResponse:
        if self.agency is None:
            return self.render_to_response(self.get_context_data(), status=403)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(agency=self.agency, agencies=self.agencies, **kwargs)

    def act(self, form) -> HttpResponse:
        draft, found = scanned_letters.begin(
            consumer=self.agency,
            by=self.request.user,
            content={**known_of(self.request.user), **form.content()},
            letter=form.cleaned_data["letter"],
        )
        keep(self.request.session, draft, found)
        messages.success(
            self.request,
            _("The draft is begun, and the letter is attached. What it says is suggested on the second screen."),
        )
        return redirect(reverse("exchange:request-edit", args=[draft.public_id, 1]))


def keep(session: SessionBase, draft: ExchangeRequest, found: Hints) -> None:
    """Remember what the letter suggests, for this person and session only."""
    told = {
        "letter_number": found.letter_number,
        "letter_day": date_format(found.letter_day, "SHORT_DATE_FORMAT") if found.letter_day else "",
        "letter_subject": found.letter_subject,
    }
    told = {name: text for name, text in told.items() if text}
    if told:
        former = list(session.get(SESSION_KEY, {}).items())[1 - MOST_KEPT :]
        session[SESSION_KEY] = dict([*former, (str(draft.public_id), told)])


def suggestions(session: SessionBase, draft: ExchangeRequest) -> dict[str, str]:
    """What the letter of the draft suggests, by field, where one was read in this session."""
    return session.get(SESSION_KEY, {}).get(str(draft.public_id), {})
