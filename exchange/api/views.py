"""The API's addresses: look one record up, find agreements, follow and fetch deliveries."""

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from evidence import ledger
from exchange.api import schema, serializers
from exchange.api.parsers import SmallJSONParser
from exchange.api.permissions import HasScope
from exchange.models import Agreement, Delivery
from exchange.services import downloads, lookups
from registry.actors import actor_of
from registry.choices import FileFormat
from registry.models import User

LOOKUP, DELIVER = "lookup", "deliver"


class Pages(LimitOffsetPagination):
    max_limit = 200

    def get_offset(self, request) -> int:
        # PostgreSQL counts rows in 64 bits, callers do not.
        return min(super().get_offset(request), 2**31)


class LookupThrottle(UserRateThrottle):
    scope = "lookup"


class PortalView(APIView):
    # For accounts with an access token, and for persons who signed in; no answer may be kept by a cache.
    permission_classes = [HasScope]
    throttle_classes = [UserRateThrottle]
    parser_classes = [SmallJSONParser]
    http_method_names = ["get", "head", "post"]
    scopes = (LOOKUP, DELIVER)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class LookupView(PortalView):
    scopes = (LOOKUP,)
    throttle_classes = [LookupThrottle]

    @extend_schema(
        operation_id="look_up",
        tags=["agreements"],
        summary=_("Look one record up"),
        description=_(
            "Each look-up is recorded, answered or refused. A record that does not exist is no error. "
            "The address of any version of an agreement leads to the one that counts today."
        ),
        request=serializers.LookupRequestSerializer,
        responses={
            200: serializers.LookupSerializer,
            **schema.refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503),
        },
    )
    def post(self, request, public_id) -> Response:
        shape = serializers.LookupRequestSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        agreement = self._agreements().filter(public_id=public_id).first()
        if agreement is None:
            _record_unseen(request.user, str(public_id))
            raise NotFound
        answer = lookups.look_up(agreement=agreement, by=request.user, **shape.validated_data)
        used = answer.agreement
        return Response(
            {
                "record": answer.record,
                "receipt": str(answer.receipt),
                "agreement": used.code,
                "version": used.version,
            }
        )

    def _agreements(self):
        return (
            Agreement.objects.visible_to(self.request.user)
            .for_lists()
            .select_related("policy__dataset", "dataset__database__connection")
        )


def _record_unseen(by: User, public_id: str) -> None:
    """The entry for a look-up under an agreement that the caller cannot see.

    It is the same whether there is such an agreement or not, so that neither answer nor duration tells.
    """
    ledger.record_refusal(
        action="lookup.ask", actor=actor_of(by), subject=("agreement", public_id), details={"code": "not-found"}
    )


@extend_schema_view(
    get=extend_schema(
        operation_id="agreements",
        tags=["agreements"],
        summary=_("Agreements of your agency"),
        parameters=[serializers.AgreementFilterSerializer],
        responses={200: serializers.AgreementSerializer(many=True), **schema.refusals(400, 401, 403, 429, 503)},
    )
)
class AgreementListView(PortalView, ListAPIView):
    serializer_class = serializers.AgreementSerializer
    pagination_class = Pages

    def get_queryset(self):
        return _filtered(self, serializers.AgreementFilterSerializer, Agreement)


@extend_schema_view(
    get=extend_schema(
        operation_id="agreement",
        tags=["agreements"],
        summary=_("One agreement"),
        responses={200: serializers.AgreementDetailSerializer, **schema.refusals(401, 403, 404, 429, 503)},
    )
)
class AgreementView(PortalView, RetrieveAPIView):
    serializer_class = serializers.AgreementDetailSerializer
    lookup_field = "public_id"

    def get_queryset(self):
        return Agreement.objects.visible_to(self.request.user).for_lists()


@extend_schema_view(
    get=extend_schema(
        operation_id="deliveries",
        tags=["deliveries"],
        summary=_("Deliveries to your agency"),
        parameters=[serializers.DeliveryFilterSerializer],
        responses={200: serializers.DeliverySerializer(many=True), **schema.refusals(400, 401, 403, 429, 503)},
    )
)
class DeliveryListView(PortalView, ListAPIView):
    serializer_class = serializers.DeliverySerializer
    pagination_class = Pages
    scopes = (DELIVER,)

    def get_queryset(self):
        return _filtered(self, serializers.DeliveryFilterSerializer, Delivery)


@extend_schema_view(
    get=extend_schema(
        operation_id="delivery",
        tags=["deliveries"],
        summary=_("State and progress of one delivery"),
        responses={200: serializers.DeliverySerializer, **schema.refusals(401, 403, 404, 429, 503)},
    )
)
class DeliveryView(PortalView, RetrieveAPIView):
    serializer_class = serializers.DeliverySerializer
    lookup_field = "public_id"
    scopes = (DELIVER,)

    def get_queryset(self):
        return Delivery.objects.visible_to(self.request.user).for_lists()


def _filtered(view: PortalView, shape: type, model: type):
    wanted = shape(data=view.request.query_params)
    wanted.is_valid(raise_exception=True)
    return model.objects.visible_to(view.request.user).for_lists().filter(**wanted.validated_data)


class AnyMediaType(BaseContentNegotiation):
    """A file has the type that it has; errors are JSON, whatever the caller would like to accept."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class FileView(PortalView):
    scopes = (DELIVER,)
    content_negotiation_class = AnyMediaType
    part = "data"

    def hand_out(self, request, public_id) -> FileResponse:
        deliveries = Delivery.objects.visible_to(request.user).for_lists()
        delivery = get_object_or_404(deliveries, public_id=public_id)
        file = downloads.open_package(delivery=delivery, by=request.user, part=self.part)
        return FileResponse(file, as_attachment=True, content_type=self.media_type(delivery))

    def media_type(self, delivery: Delivery) -> str:
        return FileFormat(delivery.agreement.file_format).media_type


class DeliveryFileView(FileView):
    @extend_schema(
        operation_id="delivery_file",
        tags=["deliveries"],
        summary=_("The data of a delivery"),
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY, description=_("The file, as it was sealed")),
            (200, "application/x-ndjson"): OpenApiTypes.BINARY,
            **schema.refusals(401, 403, 404, 429, 503),
        },
    )
    def get(self, request, public_id) -> FileResponse:
        return self.hand_out(request, public_id)


class DeliveryManifestView(FileView):
    part = "manifest"

    @extend_schema(
        operation_id="delivery_manifest",
        tags=["deliveries"],
        summary=_("What the file is, and its SHA-256"),
        responses={(200, "application/json"): OpenApiTypes.OBJECT, **schema.refusals(401, 403, 404, 429, 503)},
    )
    def get(self, request, public_id) -> FileResponse:
        return self.hand_out(request, public_id)

    def media_type(self, delivery: Delivery) -> str:
        return "application/json"


class UnknownAddressView(PortalView):
    """Addresses that the API does not have: in its own shape, and without a redirect, which would lose a body."""

    authentication_classes = []
    permission_classes = [AllowAny]
    content_negotiation_class = AnyMediaType
    schema = None

    def initial(self, request, *args, **kwargs):
        raise NotFound
