"""Saving what a list is narrowed by, and deleting it. Both lead back to the list."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View

from exchange.choices import SearchPage
from exchange.forms.saved_searches import SaveSearchForm
from exchange.models import SavedSearch
from exchange.services import saved_searches
from exchange.views.base import PageMixin

LONGEST = 2_000  # characters of an address


class SearchSaveView(PageMixin, View):
    """The query stands in a hidden field, as the list was asked."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SaveSearchForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Give the search a name of at most 80 characters."))
            return HttpResponseRedirect(self.refused_url())
        kept = saved_searches.save(
            user=request.user, page=self.page, name=form.cleaned_data["name"], asked=self.asked.dict()
        )
        messages.success(request, _("Saved: “%(name)s”.") % {"name": kept})
        return redirect(kept.get_absolute_url())

    @property
    def asked(self) -> QueryDict:
        return QueryDict(self.request.POST.get("query", "")[:LONGEST])

    @property
    def page(self) -> SearchPage:
        sent = self.request.POST.get("page", "")
        return SearchPage(sent) if sent in SearchPage.values else SearchPage.REQUESTS

    def refused_url(self) -> str:
        return f"{reverse(self.page.url_name)}?{self.asked.urlencode()}"


class SearchDeleteView(PageMixin, View):
    """POST deletes. GET, as after signing in again, only leads to the list."""

    http_method_names = ["get", "post"]

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        rows = SavedSearch.objects.visible_to(request.user)
        self.kept = get_object_or_404(rows, **kwargs) if request.user.is_authenticated else None
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, public_id) -> HttpResponse:
        return redirect(SearchPage(self.kept.page).url_name)

    def post(self, request: HttpRequest, public_id) -> HttpResponse:
        saved_searches.delete(search=self.kept)
        messages.success(request, _("Deleted: “%(name)s”.") % {"name": self.kept})
        return redirect(SearchPage(self.kept.page).url_name)
