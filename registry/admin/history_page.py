"""The history of one row: who changed what of it and its parts, when and why."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from registry.services import history

PER_PAGE = 30
MOST_PARTS = 1_000  # parts whose changes are shown with those of the row


def history_page(model_admin, request: HttpRequest, object_id: str, context: dict | None = None) -> TemplateResponse:
    """Who changed what of a row and its parts, when and why."""
    thing = model_admin.get_object(request, object_id)
    if not model_admin.has_view_or_change_permission(request, thing):
        raise PermissionDenied
    changes = history.of_row(thing, _parts(model_admin, request, thing))
    shown = Paginator(changes, PER_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(
        request,
        "admin/registry/history.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "original": thing,
            "object": thing,
            "title": _("History: %(thing)s") % {"thing": thing},
            "page_obj": shown,
            "changes": history.told(list(shown)),
            **(context or {}),
        },
    )


def _parts(model_admin, request, thing) -> dict[type[models.Model], list[int]]:
    """The rows that are kept on the page of this one."""
    parts = {}
    for inline in model_admin.get_inline_instances(request, thing):
        keys = [
            field.name
            for field in inline.model._meta.concrete_fields
            if field.related_model is type(thing) and field.name == (inline.fk_name or field.name)
        ]
        if keys:
            rows = inline.model._base_manager.filter(**{keys[0]: thing})
            parts[inline.model] = list(rows.values_list("pk", flat=True)[:MOST_PARTS])
    return parts
