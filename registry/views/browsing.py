"""Pages of the public catalogue beside the search: fields, databases, themes."""

from django.db.models import QuerySet
from django.http import Http404
from django.views.generic import DetailView, TemplateView

from registry import browsing
from registry.forms.fields import FieldForm
from registry.models import Database, Field
from registry.paging import BoundedPaginator
from registry.search import Marker
from registry.views.lists import FormListView, PagedListView


class FieldListView(FormListView):
    """Which datasets hold a field that is called so."""

    template_name = "registry/field_list.html"
    context_object_name = "fields"
    form_class = FieldForm
    paginator_class = BoundedPaginator

    def get_queryset(self) -> QuerySet[Field]:
        if not self.form.is_valid() or not self.form.cleaned_data["q"]:
            return Field.objects.none()
        return browsing.fields_named(self.form.cleaned_data["q"])

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        marker = Marker(self.form.cleaned_data.get("q", "") if self.form.is_valid() else "")
        context["rows"] = [(field, marker.mark(field.title), marker.mark(field.name)) for field in context["fields"]]
        return context


class FieldView(DetailView):
    template_name = "registry/field_detail.html"
    context_object_name = "field"

    def get_object(self, queryset=None) -> Field:
        wanted = {"dataset__code": self.kwargs["code"], "name": self.kwargs["name"]}
        if "\0" in wanted["name"]:
            raise Http404
        field = browsing.published_fields().filter(**wanted).first()
        if field is None:
            raise Http404
        return field

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(elsewhere=browsing.elsewhere(self.object), **kwargs)


class DatabaseListView(PagedListView):
    template_name = "registry/database_list.html"
    context_object_name = "databases"

    def get_queryset(self) -> QuerySet[Database]:
        return browsing.databases()


class ThemeListView(TemplateView):
    template_name = "registry/theme_list.html"

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(themes=browsing.themes(), **kwargs)
