"""Decision letters, to read and to print."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.generic import DetailView, View

from exchange.letter_text import text_of
from exchange.models import DestructionCertificate, Letter
from exchange.services import letter_copies
from exchange.states import Side
from exchange.views.base import VisibleMixin, page_of
from registry.dcat.addresses import portal_address


class LetterMixin(VisibleMixin):
    model = Letter
    context_object_name = "letter"


class LetterDetailView(LetterMixin, DetailView):
    template_name = "exchange/letter_detail.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if certificate := DestructionCertificate.objects.filter(letter=self.object).first():
            return redirect(page_of(certificate))  # it has a page of its own
        return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object.case.request, text=text_of(self.object), **kwargs)


class LetterDownloadView(LetterMixin, View):
    """Each download is put on record, so it is a POST. GET, as after signing in again, leads to the page."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return pdf_response(request, self.object, Side.CONSUMER)


def pdf_response(request: HttpRequest, letter: Letter, side: Side) -> HttpResponse:
    """The letter as a file, in Vietnamese unless the address asks for English."""
    language = "en" if request.GET.get("lang") == "en" else "vi"
    base = portal_address(request)
    pdf = letter_copies.hand_out(letter=letter, language=language, by=request.user, side=side, base=base)
    mark = "" if language == "vi" else f"-{language}"
    name = f"{letter.agency.code}-{letter.year}-{letter.number}{mark}.pdf"
    return HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={
            "Content-Disposition": content_disposition_header(True, name),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
