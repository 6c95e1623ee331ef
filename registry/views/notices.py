"""A person's notices: a list, opening one, and marking all as read."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from registry.models import Notice
from registry.services import notices
from registry.views.lists import PagedListView


@method_decorator(never_cache, name="dispatch")
class NoticeListView(LoginRequiredMixin, PagedListView):
    template_name = "registry/notice_list.html"
    context_object_name = "notices"

    def get_queryset(self) -> QuerySet[Notice]:
        return Notice.objects.visible_to(self.request.user)


class NoticeOpenView(LoginRequiredMixin, View):
    """Mark as read and go to the page where the matter is dealt with. POST, because it changes something."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id) -> HttpResponse:
        notice = get_object_or_404(Notice.objects.visible_to(request.user), public_id=public_id)
        notices.read(notice=notice)
        return HttpResponseRedirect(notice.path or reverse("notices:list"))


class NoticeReadAllView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        notices.read_all(of=request.user)
        return HttpResponseRedirect(reverse("notices:list"))
