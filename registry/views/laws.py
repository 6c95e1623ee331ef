"""Pages of the laws on which sharing rests: the list with the state on a day, and what rests on each."""

from django.core.paginator import Paginator
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.views.generic import DetailView

from registry import catalogue, citations
from registry.forms.laws import IN_FORCE, NOT_IN_FORCE, LawForm
from registry.models import Database, Dataset, LegalInstrument
from registry.views.lists import PER_PAGE, FormListView


def counted(rows: QuerySet, path: str) -> Coalesce:
    """How many of the rows name the instrument of the outer query by `path`."""
    of_one = rows.filter(**{path: OuterRef("pk")}).order_by().values(path).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(of_one, output_field=IntegerField()), 0)


class LawListView(FormListView):
    template_name = "registry/law_list.html"
    context_object_name = "instruments"
    form_class = LawForm

    def get_queryset(self) -> QuerySet[LegalInstrument]:
        if not self.form.is_valid():
            return LegalInstrument.objects.none()
        asked = self.form.cleaned_data
        found = LegalInstrument.objects.search(asked["q"])
        if asked["kind"]:
            found = found.filter(kind=asked["kind"])
        if asked["state"] == IN_FORCE:
            found = found.in_force(asked["day"])
        if asked["state"] == NOT_IN_FORCE:
            found = found.not_in_force(asked["day"])
        return found.with_successor().annotate(
            database_count=counted(Database.objects.published(), "legal_basis"),
            dataset_count=counted(Dataset.objects.published(), "applicable_legislation"),
        )

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        day = self.form.cleaned_data.get("day") if self.form.is_valid() else None
        context["rows"] = [(one, citations.cite(one, day)) for one in context["instruments"]]
        return context


class LawView(DetailView):
    template_name = "registry/law_detail.html"
    context_object_name = "instrument"
    slug_field, slug_url_kwarg = "number_key", "key"

    def get_queryset(self) -> QuerySet[LegalInstrument]:
        return LegalInstrument.objects.with_successor()

    def get_context_data(self, **kwargs) -> dict:
        instrument = self.object
        datasets = catalogue.datasets_under(instrument)
        page = Paginator(datasets, PER_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            citation=citations.cite(instrument),
            successor=citations.successor(instrument),
            replaces=instrument.replaces.order_by("number"),
            amendments=instrument.amendments.select_related("amending"),
            amends=instrument.amends.select_related("amended"),
            databases=catalogue.databases().filter(legal_basis=instrument)[:PER_PAGE],
            page_obj=page,
            rows=catalogue.rows(page),
            **kwargs,
        )
