"""Templates of requests: keeping one, the list, renaming and archiving, and beginning a draft from one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, FormView

from exchange import offers, summary
from exchange.forms.templates import TemplateForm, TemplateNameForm
from exchange.models import ExchangeRequest, RequestTemplate
from exchange.refusals import Refusal
from exchange.services import request_templates
from exchange.views.base import ButtonView, PageMixin, RefusedFormMixin, VisibleMixin, page_of
from exchange.views.known import known_of
from registry import permissions
from registry.choices import Role
from registry.views.lists import PagedListView


class TemplateListView(PageMixin, PagedListView):
    """What the own agencies keep, and what the own desks published; archived ones on demand."""

    template_name = "exchange/template_list.html"
    context_object_name = "templates"

    @property
    def shows_archived(self) -> bool:
        return "archived" in self.request.GET

    def get_queryset(self):
        kept = RequestTemplate.objects.kept_by(self.request.user).for_lists()
        return kept.filter(archived_at__isnull=not self.shows_archived)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(shows_archived=self.shows_archived, **kwargs)


class TemplateSaveView(RefusedFormMixin, VisibleMixin, FormView):
    """Keeps parts of a request under a name."""

    model = ExchangeRequest
    form_class = TemplateForm
    template_name = "exchange/template_save.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not permissions.has_role(request.user, Role.REQUESTER, agency=self.object.consumer):
            messages.error(request, request_templates.NOT_A_REQUESTER % {"agency": self.object.consumer})
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object, **kwargs)

    def act(self, form) -> HttpResponse:
        kept = request_templates.save(request=self.object, by=self.request.user, **form.cleaned_data)
        messages.success(self.request, _("Kept: others of your agency can begin a draft from it."))
        return redirect(kept.get_absolute_url())


class TemplateMixin(VisibleMixin):
    model = RequestTemplate
    context_object_name = "template"


class TemplateDetailView(RefusedFormMixin, TemplateMixin, DetailView, FormView):
    """What is kept, and a field to rename it."""

    form_class = TemplateNameForm
    template_name = "exchange/template_detail.html"

    def get_initial(self) -> dict:
        return {"name": self.object.name}

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs) -> dict:
        template = self.object
        known = summary.fields_of(template.dataset)
        return super().get_context_data(
            can_change=request_templates.can_change(template=template, by=self.request.user),
            agencies=offers.agencies_filed_for(self.request.user),
            field_titles=[
                known[name].title if name in known else name for name in template.content.get("field_names", ())
            ],
            conditions=summary.filter_sentences(template.content.get("row_filter", ()), known),
            **kwargs,
        )

    def act(self, form) -> HttpResponse:
        request_templates.rename(template=self.object, by=self.request.user, **form.cleaned_data)
        messages.success(self.request, _("Renamed."))
        return redirect(page_of(self.object))


class TemplateArchiveView(TemplateMixin, ButtonView):
    done = _("Archived: no new draft begins from it.")

    def act(self) -> None:
        request_templates.archive(template=self.object, by=self.request.user)


class TemplateStartView(TemplateMixin, ButtonView):
    """Begins a draft, and says what of the template is no longer offered."""

    def act(self) -> ExchangeRequest:
        draft, told = request_templates.start(
            template=self.object, consumer=self.consumer, by=self.request.user, known=known_of(self.request.user)
        )
        messages.success(self.request, _("A new draft from the template. Check every screen before you send it."))
        for sentence in told:
            messages.warning(self.request, sentence)
        return draft

    @property
    def consumer(self):
        filed_for = offers.agencies_filed_for(self.request.user)
        wanted = self.request.POST.get("agency", "")
        for agency in filed_for:
            if agency.code == wanted or len(filed_for) == 1:
                return agency
        raise Refusal("not-your-role", _("Choose an agency for which you file requests."))
