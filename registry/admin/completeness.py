"""How complete descriptions are, in the admin: a column, what is missing on a dataset's page, and agencies ranked."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from registry import completeness
from registry.models import Agency
from registry.roles import sees_every_agency

AGENCIES_ON_A_PAGE = 50


class WithCompleteness:
    """For the admin of datasets."""

    def get_queryset(self, request):
        return completeness.annotated(super().get_queryset(request))

    @admin.display(description=_("completeness"), ordering="completeness")
    def shown_completeness(self, dataset):
        return dataset.completeness

    @admin.display(description=_("completeness"))
    def shown_lacks(self, dataset):
        missing = completeness.lacking(dataset)
        if not missing:
            return _("100 of 100: nothing is missing.")
        lines = format_html_join(
            "", '<li><a href="{}">{}</a> (+{})</li>', ((one.place(dataset), one.lack, one.weight) for one in missing)
        )
        said = _("%(score)s of 100. Missing:") % {"score": completeness.score(missing)}
        return format_html("{}<ul>{}</ul>", said, lines)

    def get_urls(self):
        page = self.admin_site.admin_view(require_GET(self.ranking_view))
        return [path("completeness/", page, name="registry_dataset_completeness"), *super().get_urls()]

    def ranking_view(self, request):
        """Agencies by how completely their published datasets are described, the worst first."""
        if not self.has_view_permission(request) or not sees_every_agency(request.user):
            raise PermissionDenied
        page = Paginator(completeness.ranking(), AGENCIES_ON_A_PAGE).get_page(request.GET.get("page"))
        rows = list(page)
        agencies = Agency.objects.in_bulk([row["owner"] for row in rows])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Completeness of descriptions by agency"),
            "rows": [{**row, "agency": agencies[row["owner"]]} for row in rows],
            "page": page,
            "criteria": completeness.CRITERIA,
        }
        return TemplateResponse(request, "admin/registry/dataset/completeness.html", context)
