"""Addresses of requests, agreements, deliveries and the counter look-up."""

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from exchange.views import (
    agreements,
    attachments,
    certificates,
    comments,
    confirmations,
    deliveries,
    desk,
    endorsements,
    joint,
    letter_checks,
    letters,
    lookups,
    paper,
    requests,
    saved_searches,
    scanned_letters,
    templates,
    webhooks,
)
from registry import addresses  # noqa: F401  registers the parts


class StepConverter(IntConverter):
    regex = "[123]"


register_converter(StepConverter, "step")

app_name = "exchange"

urlpatterns = [
    path("desk/", desk.DeskView.as_view(), name="desk"),
    path("requests/", requests.RequestListView.as_view(), name="request-list"),
    path("requests/new/", requests.RequestCreateView.as_view(), name="request-create"),
    path("requests/from-letter/", scanned_letters.ScannedLetterView.as_view(), name="request-from-letter"),
    path("requests/<uuid:public_id>/", requests.RequestDetailView.as_view(), name="request-detail"),
    path("requests/<uuid:public_id>/steps/<step:step>/", requests.RequestEditView.as_view(), name="request-edit"),
    path("requests/<uuid:public_id>/propose/", requests.RequestProposeView.as_view(), name="request-propose"),
    path("requests/<uuid:public_id>/copy/", requests.RequestCopyView.as_view(), name="request-copy"),
    path("requests/<uuid:public_id>/take-over/", requests.RequestTakeOverView.as_view(), name="request-take-over"),
    path("requests/<uuid:public_id>/withdraw/", requests.RequestWithdrawView.as_view(), name="request-withdraw"),
    path("requests/<uuid:public_id>/endorse/", endorsements.RequestEndorseView.as_view(), name="request-endorse"),
    path("requests/<uuid:public_id>/send-back/", endorsements.RequestSendBackView.as_view(), name="request-send-back"),
    path("requests/<uuid:public_id>/accept/", endorsements.RequestAcceptView.as_view(), name="request-accept"),
    path("requests/<uuid:public_id>/decline/", endorsements.RequestDeclineView.as_view(), name="request-decline"),
    path("requests/<uuid:public_id>/comments/new/", comments.CommentCreateView.as_view(), name="comment-create"),
    path(
        "requests/<uuid:public_id>/comments/<uuid:comment_id>/retract/",
        comments.CommentRetractView.as_view(),
        name="comment-retract",
    ),
    path("requests/<uuid:public_id>/files/", attachments.AttachmentAddView.as_view(), name="attachment-add"),
    path(
        "requests/<uuid:public_id>/files/<uuid:file_id>/",
        attachments.AttachmentOpenView.as_view(),
        name="attachment-open",
    ),
    path(
        "requests/<uuid:public_id>/files/<uuid:file_id>/remove/",
        attachments.AttachmentRemoveView.as_view(),
        name="attachment-remove",
    ),
    path("requests/<uuid:public_id>/add/", joint.RequestAddDatasetView.as_view(), name="request-add-dataset"),
    path("joint-requests/<uuid:public_id>/", joint.JointDetailView.as_view(), name="joint-detail"),
    path("joint-requests/<uuid:public_id>/propose/", joint.JointProposeView.as_view(), name="joint-propose"),
    path("joint-requests/<uuid:public_id>/endorse/", joint.JointEndorseView.as_view(), name="joint-endorse"),
    path("joint-requests/<uuid:public_id>/withdraw/", joint.JointWithdrawView.as_view(), name="joint-withdraw"),
    path("endorsements/", endorsements.EndorsementListView.as_view(), name="endorsement-list"),
    path("agreements/", agreements.AgreementListView.as_view(), name="agreement-list"),
    path("agreements/<uuid:public_id>/", agreements.AgreementDetailView.as_view(), name="agreement-detail"),
    path(
        "agreements/<uuid:public_id>/relinquish/",
        agreements.AgreementRelinquishView.as_view(),
        name="agreement-relinquish",
    ),
    path(
        "agreements/<uuid:public_id>/confirm/", confirmations.AgreementConfirmView.as_view(), name="agreement-confirm"
    ),
    path("agreements/<uuid:public_id>/ask-anew/", agreements.AgreementAskAnewView.as_view(), name="agreement-ask-anew"),
    path("agreements/<uuid:public_id>/amend/", agreements.AgreementAmendView.as_view(), name="agreement-amend"),
    path("agreements/<uuid:public_id>/renew/", agreements.AgreementRenewView.as_view(), name="agreement-renew"),
    path("agreements/<uuid:public_id>/orders/", agreements.AgreementOrderView.as_view(), name="agreement-order"),
    path("agreements/<uuid:public_id>/users/", agreements.AgreementUsersView.as_view(), name="agreement-users"),
    path(
        "agreements/<uuid:public_id>/certificates/new/",
        certificates.CertificatePrepareView.as_view(),
        name="certificate-create",
    ),
    path("certificates/<uuid:public_id>/", certificates.CertificateDetailView.as_view(), name="certificate-detail"),
    path("certificates/<uuid:public_id>/sign/", certificates.CertificateSignView.as_view(), name="certificate-sign"),
    path("certificates/<uuid:public_id>/drop/", certificates.CertificateDropView.as_view(), name="certificate-drop"),
    path("deliveries/<uuid:public_id>/", deliveries.DeliveryDetailView.as_view(), name="delivery-detail"),
    path("deliveries/<uuid:public_id>/progress/", deliveries.DeliveryProgressView.as_view(), name="delivery-progress"),
    path("deliveries/<uuid:public_id>/data/", deliveries.DeliveryDownloadView.as_view(), name="delivery-download"),
    path("deliveries/<uuid:public_id>/manifest/", deliveries.DeliveryManifestView.as_view(), name="delivery-manifest"),
    path("deliveries/<uuid:public_id>/cancel/", deliveries.DeliveryCancelView.as_view(), name="delivery-cancel"),
    path("lookups/", lookups.LookupView.as_view(), name="lookup"),
    path("templates/", templates.TemplateListView.as_view(), name="template-list"),
    path("templates/<uuid:public_id>/", templates.TemplateDetailView.as_view(), name="template-detail"),
    path("templates/<uuid:public_id>/archive/", templates.TemplateArchiveView.as_view(), name="template-archive"),
    path("templates/<uuid:public_id>/start/", templates.TemplateStartView.as_view(), name="template-start"),
    path("requests/<uuid:public_id>/template/", templates.TemplateSaveView.as_view(), name="template-save"),
    path("searches/", saved_searches.SearchSaveView.as_view(), name="search-save"),
    path("searches/<uuid:public_id>/delete/", saved_searches.SearchDeleteView.as_view(), name="search-delete"),
    path("paper/", paper.PaperListView.as_view(), name="paper-list"),
    path("paper/new/", paper.PaperCreateView.as_view(), name="paper-create"),
    path("paper/export/", paper.PaperExportView.as_view(), name="paper-export"),
    path("paper/figures/", paper.PaperFiguresView.as_view(), name="paper-figures"),
    path("paper/<uuid:public_id>/", paper.PaperDetailView.as_view(), name="paper-detail"),
    path("paper/<uuid:public_id>/correct/", paper.PaperCorrectView.as_view(), name="paper-correct"),
    path("paper/<uuid:public_id>/take-back/", paper.PaperTakeBackView.as_view(), name="paper-take-back"),
    path("letters/<uuid:public_id>/", letters.LetterDetailView.as_view(), name="letter-detail"),
    path("letters/<uuid:public_id>/pdf/", letters.LetterDownloadView.as_view(), name="letter-download"),
    path("webhooks/", webhooks.WebhookListView.as_view(), name="webhook-list"),
    path("webhooks/new/", webhooks.WebhookCreateView.as_view(), name="webhook-create"),
    path("webhooks/<uuid:public_id>/", webhooks.WebhookDetailView.as_view(), name="webhook-detail"),
    path("webhooks/<uuid:public_id>/change/", webhooks.WebhookChangeView.as_view(), name="webhook-change"),
    path("webhooks/<uuid:public_id>/secret/", webhooks.WebhookSecretView.as_view(), name="webhook-secret"),
    path("webhooks/<uuid:public_id>/test/", webhooks.WebhookTestView.as_view(), name="webhook-test"),
    path("webhooks/<uuid:public_id>/disable/", webhooks.WebhookDisableView.as_view(), name="webhook-disable"),
    path("webhooks/<uuid:public_id>/enable/", webhooks.WebhookEnableView.as_view(), name="webhook-enable"),
    path("webhooks/<uuid:public_id>/replay/", webhooks.WebhookReplayView.as_view(), name="webhook-replay"),
    path(
        "webhooks/<uuid:public_id>/messages/<uuid:message_id>/replay/",
        webhooks.WebhookMessageReplayView.as_view(),
        name="webhook-message-replay",
    ),
    path("check/", letter_checks.LetterCheckView.as_view(), name="letter-check"),
    path(
        "check/<agency:agency>/<int:number>/<str:code>/",
        letter_checks.LetterScanView.as_view(),
        name="letter-check-code",
    ),
]
