"""Pages of a dataset or database in the admin: profiles of its values, and suggestions about its fields."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from registry.choices import PersonalData, SuggestionState
from registry.classifying import wording
from registry.errors import RegistryRefusal
from registry.models import Dataset, FieldSuggestion
from registry.profiling import charts
from registry.services import classification, profiles, protection

PAGE_SIZE = 50
RESULTS = "registry_suggestion_results"  # in the session, until the next page shows them
MOST_RESULTS = 200


class ValuePage:
    """What both kinds of pages have in common."""

    def _page_path(self, segment: str, view, methods=("GET", "POST")):
        guarded = require_GET(view) if methods == ("GET",) else require_http_methods(list(methods))(view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_{segment.replace('/', '-')}"
        return path(f"<path:object_id>/{segment}/", self.admin_site.admin_view(guarded), name=name)

    def _readable(self, request, object_id):
        thing = self.get_object(request, object_id)
        if not self.has_view_permission(request, thing):
            raise PermissionDenied
        return thing

    def _frame(self, request, thing, title) -> dict:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": thing,
            "title": title % {"name": thing},
            "thing_url": reverse(f"admin:registry_{self.opts.model_name}_change", args=[thing.pk]),
            "may_act": protection.can_steward(request.user, *_looked_after(thing)),
        }


def _looked_after(thing) -> tuple:
    """The database, and the dataset where it is about one."""
    return (thing.database, thing) if isinstance(thing, Dataset) else (thing, None)


class ProfilePages(ValuePage):
    """`profile/`: charts of the latest profile, and buttons to ask for another; `profile/progress/`: how far it is."""

    def get_urls(self):
        return [
            self._page_path("profile", self.profile_view),
            self._page_path("profile/progress", self.progress_view, methods=("GET",)),
            *super().get_urls(),
        ]

    def profile_view(self, request, object_id):
        dataset = self._readable(request, object_id)
        if request.method == "POST":
            self._act_on_profile(request, dataset)
            return HttpResponseRedirect(request.path)
        dataset = Dataset.objects.with_fields().select_related("database__owner").get(pk=dataset.pk)
        context = self._frame(request, dataset, _("Values: %(name)s")) | self._under_way(dataset)
        context["shown"] = charts.desk(dataset)
        context["suggestions"] = FieldSuggestion.objects.open().filter(field__dataset=dataset).count()
        return TemplateResponse(request, "admin/registry/dataset/profile.html", context)

    def progress_view(self, request, object_id):
        dataset = self._readable(request, object_id)
        response = TemplateResponse(
            request, "admin/registry/dataset/progress.html", self._under_way(dataset) | {"original": dataset}
        )
        if dataset.profiles.open().exists():
            return response
        # It ended: the whole page has news.
        response["HX-Refresh"] = "true"
        return response

    def _under_way(self, dataset) -> dict:
        last = dataset.profiles.select_related("asked_by").first()
        return {"last": last, "is_open": bool(last and last.is_open)}

    def _act_on_profile(self, request, dataset):
        try:
            if "cancel" in request.POST:
                under_way = dataset.profiles.open().first()
                if under_way:
                    profiles.cancel(profile=under_way, by=request.user)
                    self.message_user(request, _("The profile was cancelled."), messages.SUCCESS)
                return
            profiles.ask(dataset=dataset, by=request.user, whole="whole" in request.POST)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, dataset)
            return
        self.message_user(
            request, _("A worker makes the profile as soon as it is free. You can leave this page."), messages.SUCCESS
        )


class SuggestionPages(ValuePage):
    """`suggestions/`: what the rules suggest about fields, to be accepted, refused or reopened in bulk."""

    suggestions_of = ""  # lookup from a suggestion to the row of this admin

    def get_urls(self):
        return [self._page_path("suggestions", self.suggestions_view), *super().get_urls()]

    def suggestions_view(self, request, object_id):
        thing = self._readable(request, object_id)
        found = FieldSuggestion.objects.for_lists().filter(**{self.suggestions_of: thing})
        if request.method == "POST":
            self._decide(request, thing, found)
            return HttpResponseRedirect(request.get_full_path())
        chosen = _filters(request)
        page = Paginator(_filtered(found, chosen), PAGE_SIZE).get_page(request.GET.get("page"))
        context = self._frame(request, thing, _("Suggestions: %(name)s")) | {
            "page": page,
            "rows": [(one, wording.sentences(one.reasons)) for one in page],
            "chosen": chosen,
            "states": SuggestionState.choices,
            "categories": PersonalData.choices,
            "results": request.session.pop(RESULTS, []),
            "query": "&".join(f"{name}={value}" for name, value in chosen.items() if value),
            "is_database": not isinstance(thing, Dataset),
        }
        return TemplateResponse(request, "admin/registry/suggestions.html", context)

    def _decide(self, request, thing, found):
        act = request.POST.get("act")
        try:
            database, dataset = _looked_after(thing)
            protection.check_steward(database=database, dataset=dataset, by=request.user)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, thing)
            return
        if act == "suggest":
            new = classification.suggest(**{self.opts.model_name: thing})
            self.message_user(
                request, ngettext("%(count)d new suggestion.", "%(count)d new suggestions.", new) % {"count": new}
            )
            return
        selected = [int(pk) for pk in request.POST.getlist("selected") if pk.isdigit()][:MOST_RESULTS]
        if act not in ("accept", "refuse", "reopen") or not selected:
            self.message_user(request, _("Tick the suggestions that you decide on."), messages.WARNING)
            return
        results = classification.decide_all(
            suggestions=found.filter(pk__in=selected),
            act=act,
            by=request.user,
            reason=request.POST.get("reason", "").strip(),
        )
        request.session[RESULTS] = [
            {"name": f"{one.field.dataset.code} · {one.field.name}", "ok": refusal is None, "text": str(refusal or "")}
            for one, refusal in results
        ]
        done = sum(refusal is None for _one, refusal in results)
        told = {"done": done, "all": len(results)}
        level = messages.SUCCESS if done == len(results) else messages.WARNING
        self.message_user(request, _("%(done)d of %(all)d done.") % told, level)


def _filters(request) -> dict:
    state = request.GET.get("state", SuggestionState.OPEN)
    score = request.GET.get("score", "")
    category = request.GET.get("category", "")
    return {
        "state": state if state in SuggestionState.values else SuggestionState.OPEN,
        "score": score if score.isdigit() else "",
        "category": category if category in PersonalData.values else "",
    }


def _filtered(found, chosen: dict):
    found = found.filter(state=chosen["state"])
    if chosen["score"]:
        found = found.filter(score__gte=min(int(chosen["score"]), 100))
    if chosen["category"]:
        found = found.filter(personal_data=chosen["category"])
    return found.order_by("-score", "field__dataset__code", "field__position", "pk")
