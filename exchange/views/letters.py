"""Decision letters, to read and to print."""

from django.views.generic import DetailView

from exchange.letter_text import text_of
from exchange.models import Letter
from exchange.views.base import VisibleMixin


class LetterDetailView(VisibleMixin, DetailView):
    model = Letter
    context_object_name = "letter"
    template_name = "exchange/letter_detail.html"

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object.case.request, text=text_of(self.object), **kwargs)
