"""Shapes of what comes in and goes out. Rules are in the services."""

import uuid

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exchange import versions
from exchange.choices import EndReason
from exchange.models import Agreement, Delivery
from exchange.scope import Scope
from exchange.services.lookups import KEY_LENGTH
from exchange.states import AgreementStatus, DeliveryStatus
from registry.choices import Masking, Mode, Purpose

# The library's own sentences quote what was sent, which may be a personal number at the wrong place.
_CHOICE_MESSAGES = {"invalid_choice": _("This is none of the values that are possible here.")}


class KnownMembersSerializer(serializers.Serializer):
    def to_internal_value(self, data):
        # A misspelt member must not be dropped in silence.
        if not set(data) <= set(self.fields):
            # Without their names: whatever was sent stays out of answers.
            raise serializers.ValidationError({"non_field_errors": [_("There are members that are not known here.")]})
        return super().to_internal_value(data)


class LookupRequestSerializer(KnownMembersSerializer):
    key = serializers.CharField(
        max_length=KEY_LENGTH,
        allow_blank=True,
        trim_whitespace=False,
        help_text=_("The number that identifies the record. It stands here, never in an address."),
    )
    case_number = serializers.CharField(
        max_length=100,
        allow_blank=True,
        trim_whitespace=False,
        help_text=_("The file for which the record is needed; the evidence keeps a digest of it."),
    )
    purpose = serializers.ChoiceField(
        Purpose.choices, error_messages=_CHOICE_MESSAGES, help_text=_("The purpose of the agreement.")
    )


class LookupSerializer(serializers.Serializer):
    record = serializers.DictField(
        allow_null=True, help_text=_("The agreed fields, masked as agreed; null where the source has no such record.")
    )
    receipt = serializers.CharField(help_text=_("Sequence of the entry in the ledger that proves this look-up."))
    agreement = serializers.CharField(help_text=_("Number of the agreement."))
    version = serializers.IntegerField(help_text=_("Version of the agreement that gave it."))


class GrantedFieldSerializer(serializers.Serializer):
    name = serializers.CharField()
    masking = serializers.ChoiceField(Masking.choices)


class LimitsSerializer(serializers.Serializer):
    """Of the calendar: months, days and minutes of Vietnamese time. What is not there has no such limit."""

    rows_per_month = serializers.IntegerField(required=False)
    deliveries_per_month = serializers.IntegerField(required=False)
    lookups_per_day = serializers.IntegerField(required=False)
    lookups_per_minute = serializers.IntegerField(required=False)


class AgreementSerializer(serializers.ModelSerializer):
    """What a system needs to find its agreement. Row filters stay out: their values can be personal numbers."""

    id = serializers.UUIDField(source="public_id")
    consumer = serializers.CharField(source="consumer.code")
    provider = serializers.CharField(source="provider.code")
    dataset = serializers.CharField(source="dataset.code")
    is_live = serializers.BooleanField(help_text=_("In force at this moment, by state and by date."))
    gives_until = serializers.DateField(
        help_text=_(
            "Last day on which it gives data. Earlier than its last day where its owner announced a stop, or where your "
            "agency has to confirm before that it is still needed."
        )
    )

    class Meta:
        model = Agreement
        fields = (
            "id",
            "code",
            "version",
            "status",
            "is_live",
            "consumer",
            "provider",
            "dataset",
            "mode",
            "file_format",
            "purpose",
            "valid_from",
            "valid_to",
            "gives_until",
            "retention_until",
            "scope_hash",
        )


class AgreementDetailSerializer(AgreementSerializer):
    granted_fields = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField(
        help_text=_("How much may be taken in which time, where the agreement says so.")
    )

    current = serializers.SerializerMethodField(
        help_text=_("The version that counts today; look-ups lead to it by themselves.")
    )

    class Meta(AgreementSerializer.Meta):
        fields = (*AgreementSerializer.Meta.fields, "granted_fields", "limits", "current")

    def get_current(self, agreement: Agreement) -> uuid.UUID:
        return versions.serving(agreement).public_id

    @extend_schema_field(GrantedFieldSerializer(many=True))
    def get_granted_fields(self, agreement: Agreement) -> list[dict]:
        return [{"name": name, "masking": masking} for name, masking in Scope.from_text(agreement.scope).fields]

    @extend_schema_field(LimitsSerializer)
    def get_limits(self, agreement: Agreement) -> dict[str, int]:
        return dict(Scope.from_text(agreement.scope).limits)


class DeliverySerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    agreement = serializers.UUIDField(source="agreement.public_id")
    agreement_code = serializers.CharField(source="agreement.code")
    percent_done = serializers.IntegerField(allow_null=True)
    is_downloadable = serializers.BooleanField()
    end_reason = serializers.ChoiceField(EndReason.choices, allow_blank=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "code",
            "agreement",
            "agreement_code",
            "status",
            "requested_at",
            "started_at",
            "finished_at",
            "rows_expected",
            "rows_done",
            "percent_done",
            "rows",
            "size",
            "sha256",
            "file_name",
            "is_downloadable",
            "available_until",
            "end_reason",
            "message",
        )


class AgreementFilterSerializer(serializers.Serializer):
    status = serializers.ChoiceField(AgreementStatus.choices, required=False, error_messages=_CHOICE_MESSAGES)
    mode = serializers.ChoiceField(Mode.choices, required=False, error_messages=_CHOICE_MESSAGES)


class DeliveryFilterSerializer(serializers.Serializer):
    status = serializers.ChoiceField(DeliveryStatus.choices, required=False, error_messages=_CHOICE_MESSAGES)
    agreement = serializers.UUIDField(
        required=False,
        source="agreement__code__in",
        help_text=_("Any version of an agreement: the deliveries of all its versions."),
    )

    def validate_agreement(self, public_id):
        return Agreement.objects.filter(public_id=public_id).values("code")


class ErrorSerializer(serializers.Serializer):
    code = serializers.CharField(help_text=_("Stable: programs may compare it."))
    detail = serializers.CharField(help_text=_("A sentence for a person, in the language asked for."))
    fields = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text=_("Reasons per member of the body."),
    )


class TokenRequestSerializer(serializers.Serializer):
    grant_type = serializers.ChoiceField(["client_credentials"])
    client_id = serializers.CharField(required=False, help_text=_("Or with the secret in HTTP Basic, which is better."))
    client_secret = serializers.CharField(required=False)
    scope = serializers.CharField(required=False, help_text=_("Names separated by spaces; all of them by default."))


class TokenSerializer(serializers.Serializer):
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text=_("Seconds."))
    scope = serializers.CharField()


class TokenErrorSerializer(serializers.Serializer):
    error = serializers.CharField()
    error_description = serializers.CharField(required=False)
