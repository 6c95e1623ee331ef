"""Pages on which something is stated about a case that changes no state: advice, a conflict, a longer term.

GET asks first whether the person may; POST leaves that to the service, which puts a refusal on record.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

from exchange import workflow
from exchange.admin.forms import MoveForm
from exchange.models import ReviewCase
from exchange.refusals import Refusal
from registry.models import User


@dataclass(frozen=True)
class Answer:
    """`name` is that of the address and of the template; `check` raises the Refusal that stands against it; `state`
    calls the service with what was typed, and says what to tell when it is done."""

    name: str
    form: type[MoveForm]
    check: Callable[[ReviewCase, User], None]
    state: Callable[[ReviewCase, User, dict], str]


class AnswerPages:
    """An admin of cases with a page for each of its `answers`."""

    answers: tuple[Answer, ...] = ()

    def get_urls(self):
        pages = [
            path(
                f"<path:object_id>/{answer.name}/",
                self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self._view_of_answer(answer))),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{answer.name}",
            )
            for answer in self.answers
        ]
        return [*pages, *super().get_urls()]

    def _view_of_answer(self, answer: Answer):
        def view(request, object_id):
            case = self._visible(request, object_id)
            if case.request.provider != case.provider:
                raise Http404
            if request.method == "POST":
                return self._state_answer(request, case, answer)
            refusal = workflow.refusal_of(answer.check, case, request.user)
            if refusal is not None:
                self.message_user(request, str(refusal), messages.ERROR)
                return HttpResponseRedirect(self.url_of(case, "change"))
            page = self.read(case, request.user)
            return self._answer_page(request, case, page, answer, answer.form(thing=page))

        return view

    def _state_answer(self, request, case: ReviewCase, answer: Answer):
        page = self.read(case, request.user)
        form = answer.form(request.POST, thing=page)
        if not form.is_valid():
            return self._answer_page(request, case, page, answer, form, status=422)
        try:
            told = answer.state(case, request.user, form.cleaned_data)
        except Refusal as refusal:
            form.refuse(refusal)
            return self._answer_page(request, case, page, answer, form, status=refusal.status)
        self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(self.url_of(case, "change"))

    def _answer_page(self, request, case, page, answer: Answer, form: MoveForm, status: int = 200):
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, f"{self.move_templates}/{answer.name}.html", context, status=status)
