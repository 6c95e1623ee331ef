"""What every list page shares: pages of 20 rows, numbers of pages that are not there, and forms that narrow the list."""

from django.http import HttpResponse
from django.utils.functional import cached_property
from django.views.generic import ListView

PER_PAGE = 20


class PagedListView(ListView):
    """A page that is not there (an old link, a mistyped number) leads to the nearest one that is."""

    paginate_by = PER_PAGE

    def paginate_queryset(self, queryset, page_size):
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get(self.page_kwarg))
        return paginator, page, page.object_list, page.has_other_pages()


class FormListView(PagedListView):
    """A list that a form in the address narrows; a form that is not valid is shown with its errors, as a bad request."""

    form_class = None

    @cached_property
    def form(self):
        return self.form_class(self.request.GET)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(form=self.form, **kwargs)

    def render_to_response(self, context: dict, **kwargs) -> HttpResponse:
        return super().render_to_response(context, status=200 if self.form.is_valid() else 400, **kwargs)
