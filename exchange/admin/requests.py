"""Requests as the owner's desk and the auditors see them: where they stand, and what was signed. Drafts stay private."""

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from exchange.admin import wording
from exchange.admin.access import agencies_of_desk
from exchange.models import ExchangeRequest, JointRequest, ReviewCase, Revision
from registry.admin.base import ReadOnlyAdmin


class RevisionInline(admin.TabularInline):
    model = Revision
    fields = ["number", "proposed_at", "proposed_by", "content_hash"]
    readonly_fields = fields
    autocomplete_fields = []
    extra = 0

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("proposed_by", "request").defer("content")

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(JointRequest)
class JointRequestAdmin(ReadOnlyAdmin):
    list_display = ["code", "consumer", "created_by", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["consumer", "created_by"]
    search_fields = ["code", "parts__code", "consumer__code"]
    autocomplete_fields = []
    fields = ["code", "consumer", "parts", "created_by", "created_at"]
    readonly_fields = fields

    def scoped(self, queryset, user):
        own = ReviewCase.objects.filter(request__joint=OuterRef("pk"), provider__in=agencies_of_desk(user))
        return queryset.filter(Exists(own))

    @admin.display(description=_("Parts"))
    def parts(self, joint):
        links = [
            (reverse("admin:exchange_exchangerequest_change", args=[part.pk]), part.code, part.get_status_display())
            for part in joint.parts.only("code", "status").order_by("pk")
        ]
        return format_html_join(", ", '<a href="{}">{}</a> ({})', links) or "–"


@admin.register(ExchangeRequest)
class ExchangeRequestAdmin(ReadOnlyAdmin):
    list_display = ["code", "consumer", "dataset", "state", "urgency", "created_at", "closed_at"]
    list_filter = ["status", "urgency", "purpose", "created_at"]
    list_select_related = ["consumer", "dataset"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["code", "letter_number", "consumer__code", "consumer__name_vi__unaccent"]
    search_help_text = _("Request number, requesting agency, or number of its letter.")
    ordering = ["-pk"]
    autocomplete_fields = []
    # No content: until it is signed it is the agency's own, and what was signed stands on the page of the case.
    fields = [
        "code",
        "state",
        "consumer",
        "desks",
        "joint",
        "created_at",
        "created_by",
        "edited_at",
        "last_edited_by",
        "endorsed_at",
        "endorsed_by",
        "closed_at",
        "status_reason",
        "copied_from",
    ]
    readonly_fields = fields
    inlines = [RevisionInline]

    def scoped(self, queryset, user):
        own = ReviewCase.objects.filter(request=OuterRef("pk"), provider__in=agencies_of_desk(user))
        return queryset.filter(Exists(own))

    @admin.display(description=_("state"), ordering="status")
    def state(self, request):
        return wording.badge(request.status, request.get_status_display())

    @admin.display(description=_("cases"))
    def desks(self, request):
        cases = request.cases.select_related("provider")
        links = [(reverse("admin:exchange_reviewcase_change", args=[case.pk]), case.provider) for case in cases]
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "–"
