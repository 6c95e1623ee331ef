"""My desk: what waits for the person who looks at it."""

from django.views.generic import TemplateView

from exchange.services import desk
from exchange.views.base import PageMixin


class DeskView(PageMixin, TemplateView):
    template_name = "exchange/desk.html"

    def get_context_data(self, **kwargs) -> dict:
        sections = desk.for_person(self.request.user)
        overdue = sum(row.is_overdue for section in sections for row in section.rows)
        return super().get_context_data(sections=sections, overdue=overdue, **kwargs)
