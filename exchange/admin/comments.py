"""Comments on a case: what colleagues said to one another and to the asking agency, and the page to write one."""

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from exchange import workflow
from exchange.admin.forms import MoveForm
from exchange.choices import Audience
from exchange.forms.files import WithFiles
from exchange.forms.inputs import Block
from exchange.models import Comment
from exchange.refusals import Refusal
from exchange.services import comments
from exchange.states import Side
from exchange.talk import Talk
from exchange.uploads.limits import was_cut
from registry.admin.base import ReadOnlyAdmin
from registry.choices import Role
from registry.permissions import has_role


class CommentForm(WithFiles, MoveForm):
    text = Block(label=_("Comment"), max_length=comments.LONGEST)
    is_public = forms.BooleanField(required=False)
    field_order = ["text", "files", "is_public"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        consumer = self.thing.request.consumer
        field = self.fields["is_public"]
        field.label = _("Let %(agency)s read it") % {"agency": consumer}
        field.help_text = _(
            "Everybody who files or signs for %(agency)s reads it then, and it cannot be made internal again."
        ) % {"agency": consumer}

    @property
    def audience(self) -> Audience:
        return Audience.BOTH if self.cleaned_data["is_public"] else Audience.INTERNAL


class CommentPages:
    """Writing about a case and taking back what was just written; beside the moves, because neither changes a state."""

    def get_urls(self):
        write = require_http_methods(["GET", "POST"])(self.comment_view)
        retract = require_POST(self.retract_view)
        return [
            path(
                "<path:object_id>/comment/",
                self.admin_site.admin_view(write),
                name="exchange_reviewcase_comment",
            ),
            path(
                "<path:object_id>/comments/<uuid:public_id>/retract/",
                self.admin_site.admin_view(retract),
                name="exchange_reviewcase_retract",
            ),
            *super().get_urls(),
        ]

    def beside(self, request, case, page) -> dict:
        is_current = case.request.provider == case.provider
        return super().beside(request, case, page) | {
            "talk": Talk(Comment.objects.filter(case=case), request.user, request.GET.get("comments", "")),
            "may_comment": is_current and comments.can_write(request=case.request, by=request.user, side=Side.PROVIDER),
        }

    def comment_view(self, request, object_id):
        case = self._visible(request, object_id)
        if case.request.provider != case.provider:
            raise Http404
        page = self.read(case, request.user)
        form, status = CommentForm(thing=page), 200
        if request.method == "POST":
            form, status = CommentForm(request.POST, request.FILES, thing=page, was_cut=was_cut(request)), 422
            if form.is_valid():
                try:
                    comments.write(
                        request=case.request,
                        by=request.user,
                        side=Side.PROVIDER,
                        text=form.cleaned_data["text"],
                        audience=form.audience,
                        uploads=form.cleaned_data["files"],
                    )
                except Refusal as refusal:
                    status = refusal.status
                    form.refuse(refusal)
                else:
                    self.message_user(request, _("Your comment is recorded."), messages.SUCCESS)
                    return HttpResponseRedirect(f"{self.url_of(case, 'change')}#comments")
        elif refused := workflow.refusal_of(
            comments.check_writing, request=case.request, by=request.user, side=Side.PROVIDER
        ):
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(self.url_of(case, "change"))
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, "admin/exchange/reviewcase/comment.html", context, status=status)

    def retract_view(self, request, object_id, public_id):
        case = self._visible(request, object_id)
        comment = Comment.objects.filter(case=case, public_id=public_id).readable_by(request.user).first()
        if comment is None:
            raise Http404
        try:
            comments.retract(comment=comment, by=request.user)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.message_user(request, _("Your comment is taken back."), messages.SUCCESS)
        return HttpResponseRedirect(f"{self.url_of(case, 'change')}#comments")


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ["shown_request", "side", "audience", "made_by", "agency", "made_at", "retracted_at"]
    list_filter = ["audience", ("retracted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["request", "made_by", "agency"]
    search_fields = ["request__code", "made_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = ["shown_request", "side", "audience", "text", "made_by", "agency", "made_at", "retracted_at"]
    readonly_fields = fields

    def get_queryset(self, request):
        return super().get_queryset(request).readable_by(request.user)

    def get_fields(self, request, obj=None):
        """What was taken back is read by auditors alone."""
        is_hidden = obj is not None and obj.retracted_at and not has_role(request.user, Role.AUDITOR)
        return [name for name in self.fields if not (is_hidden and name == "text")]

    @admin.display(description=_("request"), ordering="request__code")
    def shown_request(self, comment):
        return comment.request
