"""A person's notices: a list, opening one, marking all as read, and what comes by mail."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import UpdateView, View

from registry.forms.mail import MailForm
from registry.models import Notice, User
from registry.services import notices, people
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


@method_decorator(never_cache, name="dispatch")
class NoticeSettingsView(LoginRequiredMixin, UpdateView):
    """Whether the person gets mails, and in which language."""

    form_class = MailForm
    template_name = "registry/notice_settings.html"

    def get_object(self, queryset=None) -> User:
        return User.objects.get(pk=self.request.user.pk)

    def form_valid(self, form) -> HttpResponse:
        people.choose_mail(user=form.instance, **form.cleaned_data)
        messages.success(self.request, _("Kept. It counts from the next mail on."))
        return HttpResponseRedirect(reverse("notices:list"))

    def form_invalid(self, form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(is_mail_sent=settings.IS_MAIL_SENT, **kwargs)
