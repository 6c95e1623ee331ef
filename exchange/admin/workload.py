"""Who of the owner handles how much: a page for its approvers, and for those who see every agency."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from exchange.services import emergencies, workload
from registry.choices import Role
from registry.models import Agency, Membership
from registry.roles import sees_every_agency

PER_PAGE = 50


class WorkloadPage:
    """The page beside the queue that counts it by case officer."""

    def get_urls(self):
        view = self.admin_site.admin_view(require_safe(self.workload_view))
        return [path("workload/", view, name="exchange_reviewcase_workload"), *super().get_urls()]

    def workload_agencies(self, request):
        """The agencies whose workload the person may see."""
        if not hasattr(request, "_workload_agencies"):
            if sees_every_agency(request.user):
                found = Agency.objects.filter(databases__isnull=False).distinct()
            else:
                decides = Membership.objects.today().filter(user=request.user, role=Role.APPROVER)
                found = Agency.objects.filter(pk__in=decides.values("agency"))
            request._workload_agencies = list(found)
        return request._workload_agencies

    def workload_view(self, request):
        if not self.has_view_permission(request) or not self.workload_agencies(request):
            raise PermissionDenied
        lines = workload.of(self.workload_agencies(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Workload"),
            "list_url": self.url_of(None, "changelist"),
            "page_obj": Paginator(lines, PER_PAGE).get_page(request.GET.get("page")),
            "most": max((line.open for line in lines), default=1) or 1,
            "days": workload.DAYS_BACK,
            "soon": workload.SOON_DAYS,
            "emergencies": emergencies.by_month(self.workload_agencies(request)),
        }
        return TemplateResponse(request, "admin/exchange/reviewcase/workload.html", context)
