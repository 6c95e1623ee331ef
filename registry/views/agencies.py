"""Pages of the agencies, with their codes and whom to ask; and of the provinces and their codes on a day."""

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.views.generic import DetailView

from registry import catalogue
from registry.forms.agencies import AgencyForm, ProvinceForm
from registry.models import AdministrativeUnit, Agency, Database, Dataset
from registry.names import vietnamese_order
from registry.views.laws import counted
from registry.views.lists import PER_PAGE, FormListView


class AgencyListView(FormListView):
    model = Agency
    form_class = AgencyForm
    template_name = "registry/agency_list.html"
    context_object_name = "agencies"

    def get_queryset(self) -> QuerySet[Agency]:
        if not self.form.is_valid():
            return Agency.objects.none()
        agencies = Agency.objects.current().search(self.form.cleaned_data["q"])
        if kind := self.form.cleaned_data["kind"]:
            agencies = agencies.filter(kind=kind)
        return (
            agencies.select_related("parent")
            .annotate(
                database_count=counted(Database.objects.published(), "owner"),
                dataset_count=counted(Dataset.objects.published(), "database__owner"),
            )
            .order_by(vietnamese_order("name_vi"), "pk")
        )


class AgencyView(DetailView):
    model = Agency
    template_name = "registry/agency_detail.html"
    context_object_name = "agency"
    slug_field = slug_url_kwarg = "code"

    def get_queryset(self) -> QuerySet[Agency]:
        return Agency.objects.select_related("parent")

    def get_context_data(self, **kwargs) -> dict:
        agency = self.object
        units = agency.units.current().order_by(vietnamese_order("name_vi"), "pk")
        return super().get_context_data(
            codes=agency.codes.today(),
            former_codes=agency.codes.exclude(pk__in=agency.codes.today()),
            contacts=agency.contacts.today(),
            databases=catalogue.databases().filter(owner=agency).order_by(vietnamese_order("name_vi"), "pk"),
            page_obj=Paginator(units, PER_PAGE).get_page(self.request.GET.get("page")),
            **kwargs,
        )


class ProvinceListView(FormListView):
    model = AdministrativeUnit
    form_class = ProvinceForm
    template_name = "registry/province_list.html"
    context_object_name = "units"
    paginate_by = 100

    def get_queryset(self) -> QuerySet[AdministrativeUnit]:
        if not self.form.is_valid():
            return AdministrativeUnit.objects.none()
        day, code = self.form.cleaned_data["day"], self.form.cleaned_data["code"]
        units = AdministrativeUnit.objects.on(day).with_codes(day)
        if code:
            units = units.filter(shown_code=code.strip().zfill(2))
        return units.select_related("became").prefetch_related("came_from").order_by("shown_code", "pk")

    def get_context_data(self, **kwargs) -> dict:
        day = self.form.cleaned_data.get("day") if self.form.is_valid() else None
        return super().get_context_data(day=day, **kwargs)
