"""What clerks and signatories say about a request of their agency, among themselves or to the owner of the data."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from exchange.choices import Audience
from exchange.forms.comments import CommentForm
from exchange.models import Comment, ExchangeRequest
from exchange.refusals import Refusal
from exchange.services import comments
from exchange.states import Side
from exchange.talk import Talk
from exchange.uploads.limits import was_cut
from exchange.views.base import ButtonView, RefusedFormMixin, VisibleMixin, page_of
from registry.models import Agency


def comments_context(http_request: HttpRequest, request: ExchangeRequest) -> dict:
    """The comments of a request as its page shows them."""
    about = Comment.objects.filter(request=request)
    return {
        "talk": Talk(about, http_request.user, http_request.GET.get("comments", "")),
        "can_comment": comments.can_write(request=request, by=http_request.user, side=Side.CONSUMER),
    }


class CommentCreateView(RefusedFormMixin, VisibleMixin, FormView):
    model = ExchangeRequest
    form_class = CommentForm
    template_name = "exchange/comment.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            comments.check_writing(request=self.object, by=request.user, side=Side.CONSUMER)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    @cached_property
    def owner(self) -> Agency | None:
        """Whom a comment can be addressed to today."""
        asked = {"request": self.object, "by": self.request.user, "side": Side.CONSUMER, "audience": Audience.BOTH}
        return self.object.provider if comments.can_write(**asked) else None

    def get_form_kwargs(self) -> dict:
        return super().get_form_kwargs() | {"owner": self.owner, "was_cut": was_cut(self.request)}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object, owner=self.owner, **kwargs)

    def act(self, form) -> HttpResponse:
        comments.write(
            request=self.object,
            by=self.request.user,
            side=Side.CONSUMER,
            text=form.cleaned_data["text"],
            audience=form.audience,
            uploads=form.cleaned_data["files"],
        )
        messages.success(self.request, _("Your comment is recorded."))
        return redirect(f"{page_of(self.object)}#comments")


class CommentRetractView(ButtonView):
    model = ExchangeRequest
    done = _("Your comment is taken back.")

    def act(self) -> None:
        found = Comment.objects.filter(request=self.object, public_id=self.kwargs["comment_id"])
        comment = found.readable_by(self.request.user).first()
        if comment is None:
            raise Http404
        comments.retract(comment=comment, by=self.request.user)
