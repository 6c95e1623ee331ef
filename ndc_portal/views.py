"""Pages of the shell: the start page and what is shown when a form arrives without a valid token."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import TemplateView

from ndc_portal import work
from ndc_portal.navigation import Viewer
from registry import catalogue


class HomeView(TemplateView):
    template_name = "home.html"

    def get_context_data(self, **kwargs) -> dict:
        viewer = Viewer(self.request)
        signed_in = self.request.user.is_authenticated
        tiles = [(link, work.told(link.page.url_name, viewer.user)) for link in viewer.links] if signed_in else []
        return super().get_context_data(figures=catalogue.figures(), viewer=viewer, tiles=tiles, **kwargs)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open for longer than the session: say so, and how to keep what was typed."""
    return render(request, "403_csrf.html", status=403)
