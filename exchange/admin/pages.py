"""Pages on which a person makes a move: GET shows what it means and a form, POST makes it.

They stand outside the admin's own change view, whose POST is one transaction: there the record of a refusal would be
rolled back together with what was refused.
"""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods

from exchange import rules, workflow
from exchange.admin.forms import MoveForm
from exchange.refusals import Refusal
from exchange.states import Move


@dataclass(frozen=True)
class Button:
    """A move within reach of the person: where it leads to, or why it is refused."""

    move: Move
    url: str
    refusal: Refusal | None

    @property
    def name(self) -> str:
        return self.move.name


def reasons_of(buttons: list[Button]) -> list[tuple[str, list[str]]]:
    """Why moves are refused, each reason once, with the moves that it stands against."""
    reasons: dict[str, list[str]] = {}
    for button in buttons:
        if button.refusal:
            reasons.setdefault(str(button.refusal), []).append(str(button.move.label))
    return list(reasons.items())


class MovePages:
    """An admin whose objects are moved on pages of their own. `moves` names the form of each move."""

    moves: dict[str, type[MoveForm]] = {}
    page_template = ""
    move_templates = ""  # folder with one template for each move

    def read(self, thing, reader):
        """What the pages show of an object to the person."""
        raise NotImplementedError

    def subject_of(self, thing):
        """The object that the workflow moves."""
        return thing

    def make(self, name: str, page, form: MoveForm, by) -> str:
        """Call the service; what to tell when it is done."""
        raise NotImplementedError

    def get_urls(self):
        pages = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self._view_of(name))),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
            )
            for name in self.moves
        ]
        return [*pages, *super().get_urls()]

    def _view_of(self, name: str):
        def view(request, object_id):
            return self.move_view(request, object_id, name)

        return view

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """The page of the object. It has no form: what it offers are the buttons to the pages of the moves."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        thing = self._visible(request, object_id)
        page = self.read(thing, request.user)
        buttons = self.buttons(request, thing)
        context = self._context(request, thing, page) | {"buttons": buttons, "reasons": reasons_of(buttons)}
        context |= self.beside(request, thing, page)
        return TemplateResponse(request, self.page_template, context)

    def beside(self, request, thing, page) -> dict:
        """What only the page of the object shows, not those of its moves."""
        return {}

    def buttons(self, request, thing) -> list[Button]:
        offered = workflow.offered_moves(self.subject_of(thing), request.user)
        found = {
            move.name: Button(move, self.url_of(thing, move.name), refusal)
            for move, refusal in offered
            if move.name in self.moves
        }
        return [found[name] for name in self.moves if name in found]

    def move_view(self, request, object_id, name: str):
        thing = self._visible(request, object_id)
        if request.method == "POST":
            return self._post(request, thing, name)
        try:
            workflow.check_move(name, self.subject_of(thing), request.user)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.url_of(thing, "change"))
        page = self.read(thing, request.user)
        return self._form_page(request, thing, page, name, self.moves[name](thing=page))

    def _post(self, request, thing, name: str):
        page = self.read(thing, request.user)
        form = self.moves[name](request.POST, thing=page)
        if not form.is_valid():
            return self._form_page(request, thing, page, name, form, status=422)
        try:
            told = self.make(name, page, form, request.user)
        except Refusal as refusal:
            # Read again: the refusal often means that somebody was faster, and the page has to show it.
            thing = self._visible(request, thing.pk)
            form.refuse(refusal)
            return self._form_page(request, thing, self.read(thing, request.user), name, form, status=refusal.status)
        self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(self.url_of(thing, "change"))

    def _form_page(self, request, thing, page, name: str, form: MoveForm, status: int = 200):
        subject = self.subject_of(thing)
        move = workflow.TABLES[type(subject)].moves[name]
        is_possible = workflow.can_move(name, subject, request.user)
        context = self._context(request, thing, page) | {
            "form": form,
            "move": move,
            "is_possible": is_possible,
            "delegation": rules.check_mover(move, subject, request.user) if is_possible else None,
        }
        return TemplateResponse(request, f"{self.move_templates}/{name}.html", context, status=status)

    def _context(self, request, thing, page) -> dict:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": thing,
            "page": page,
            "page_url": self.url_of(thing, "change"),
            "list_url": self.url_of(None, "changelist"),
        }

    def _visible(self, request, object_id):
        if not self.has_view_permission(request):
            raise PermissionDenied
        thing = self.get_object(request, str(object_id))
        if thing is None:
            raise Http404
        return thing

    def url_of(self, thing, name: str) -> str:
        arguments = [] if thing is None else [thing.pk]
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{name}", args=arguments)
