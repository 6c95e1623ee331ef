"""Events and what became of them on the way to agencies' systems: operators see whether they arrive, auditors which."""

from django.contrib import admin

from exchange.models import OutboxEvent, WebhookAttempt, WebhookEndpoint, WebhookMessage
from registry.admin.base import ReadOnlyAdmin


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["type", "subject", "occurred_at", "consumer", "provider"]
    list_filter = []
    list_select_related = ["consumer", "provider"]
    search_fields = ["=subject", "=type"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in OutboxEvent._meta.fields]


SECRETS = ("secret", "former_secret")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ["url", "agency", "description", "failing_since", "disabled_at", "disabled_because"]
    list_filter = ["disabled_because"]
    list_select_related = ["agency"]
    search_fields = ["url", "agency__code"]
    autocomplete_fields = []
    # Not even encrypted secrets are shown.
    exclude = SECRETS
    readonly_fields = [field.name for field in WebhookEndpoint._meta.fields if field.name not in SECRETS]


@admin.register(WebhookMessage)
class WebhookMessageAdmin(ReadOnlyAdmin):
    list_display = ["event", "endpoint", "state", "attempts_made", "next_attempt_at", "taken_at"]
    list_filter = ["state"]
    list_select_related = ["event", "endpoint"]
    search_fields = ["=event__subject", "=endpoint__url"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in WebhookMessage._meta.fields]


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnlyAdmin):
    list_display = ["message", "tried_at", "outcome", "http_status", "duration_ms"]
    list_filter = ["outcome"]
    list_select_related = ["message__event", "message__endpoint"]
    search_fields = ["=message__event__subject"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in WebhookAttempt._meta.fields]
