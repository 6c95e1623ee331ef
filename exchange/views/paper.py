"""Letters that the agency sent or received: recording one, the list and its export, corrections, and the figures."""

from collections.abc import Iterator

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.generic import DetailView, FormView, TemplateView

from exchange.choices import Direction, SearchPage
from exchange.forms.paper import CorrectionForm, PaperFilterForm, PaperForm, TakeBackForm
from exchange.models import PaperExchange
from exchange.models.paper import READERS
from exchange.services import digital_share, paper
from exchange.views.base import FilteredListView, PageMixin, RefusedFormMixin
from registry import spreadsheets
from registry.models import Agency, Membership
from registry.roles import sees_every_agency
from registry.views.lists import PER_PAGE

MOST_EXPORTED = 50_000
AT_ONCE = 1_000


class PaperMixin(PageMixin):
    """About one letter by its public id; what is not for this person is not found."""

    @cached_property
    def versions(self) -> list[PaperExchange]:
        """All of them, the latest first."""
        rows = PaperExchange.objects.visible_to(self.request.user).filter(public_id=self.kwargs["public_id"])
        return list(rows.for_lists().order_by("-version"))

    @cached_property
    def object(self) -> PaperExchange:
        if not self.versions:
            get_object_or_404(PaperExchange.objects.none())
        return self.versions[0]

    def refused_url(self) -> str:
        return self.object.get_absolute_url()


class PaperListView(FilteredListView):
    search_page = SearchPage.LETTERS
    model = PaperExchange
    form_class = PaperFilterForm
    template_name = "exchange/paper_list.html"
    context_object_name = "letters"

    def get_queryset(self):
        return super().get_queryset().current()

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            can_record=bool(paper.agencies_recorded_for(self.request.user)),
            export_url=f"{reverse('exchange:paper-export')}?{self.request.GET.urlencode()}",
            **kwargs,
        )


class PaperExportView(PaperListView):
    """The rows of the list as CSV, without formulas for whoever opens it in a spreadsheet program."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        found = self.get_queryset()
        if found[MOST_EXPORTED : MOST_EXPORTED + 1]:
            messages.error(
                request,
                _("These are more than %(rows)s rows. Filter the list and export it in parts.")
                % {"rows": MOST_EXPORTED},
            )
            return redirect(f"{reverse('exchange:paper-list')}?{request.GET.urlencode()}")
        lines = spreadsheets.write_csv(self._lines(found))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="letters-{timezone.localdate():%Y-%m-%d}.csv"'
        return response

    @staticmethod
    def _lines(found) -> Iterator[list[str]]:
        names = ("agency", "direction", "other", "letter_number", "letter_day", "information", "dataset")
        names += ("records", "days_taken", "reason", "recorded_at")
        yield [str(PaperExchange._meta.get_field(name).verbose_name) for name in names]
        for one in found.iterator(chunk_size=AT_ONCE):
            yield [
                one.agency.code,
                str(one.get_direction_display()),
                one.other_side,
                one.letter_number,
                one.letter_day.isoformat(),
                one.information,
                one.dataset.code if one.dataset_id else "",
                "" if one.records is None else str(one.records),
                "" if one.days_taken is None else str(one.days_taken),
                str(one.get_reason_display()),
                timezone.localtime(one.recorded_at).isoformat(timespec="seconds"),
            ]


class PaperCreateView(RefusedFormMixin, PageMixin, FormView):
    """One letter in under a minute; the next one of a pile begins with what the last one had."""

    form_class = PaperForm
    template_name = "exchange/paper_form.html"

    @cached_property
    def agencies(self) -> list[Agency]:
        return paper.agencies_recorded_for(self.request.user)

    @cached_property
    def agency(self) -> Agency | None:
        wanted = (self.request.POST or self.request.GET).get("agency", "")
        return next((one for one in self.agencies if one.code == wanted), self.agencies[0] if self.agencies else None)

    def get_form(self, form_class=None):
        if self.agency is None:
            return None
        data = self.request.POST if self.request.method == "POST" else None
        return PaperForm(data, agency=self.agency, like=self._last() if data is None else {})

    def _last(self) -> dict:
        own = PaperExchange.objects.current().filter(agency=self.agency, recorded_by=self.request.user)
        last = own.order_by("-pk").select_related("other").first()
        if last is None:
            return {"direction": Direction.SENT}
        same = {"direction": last.direction}
        return {**same, "other": last.other_side, "reason": last.reason} if "next" in self.request.GET else same

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.agency is None:
            return self.render_to_response(self.get_context_data(), status=403)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(agency=self.agency, agencies=self.agencies, **kwargs)

    def act(self, form) -> HttpResponse:
        recorded = paper.record(agency=self.agency, by=self.request.user, content=form.content())
        messages.success(self.request, _("Recorded: %(letter)s.") % {"letter": recorded})
        if "another" in self.request.POST:
            query = urlencode({"next": "yes", "agency": self.agency.code})
            return redirect(f"{reverse('exchange:paper-create')}?{query}")
        return redirect(recorded.get_absolute_url())


class PaperDetailView(PaperMixin, DetailView):
    template_name = "exchange/paper_detail.html"
    context_object_name = "letter"

    def get_object(self, queryset=None):
        return self.object

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs) -> dict:
        can_correct = self.object.corrected_at is None and paper.can_record(
            agency=self.object.agency, by=self.request.user
        )
        return super().get_context_data(
            versions=self.versions,
            is_open=_is_published(self.object),
            can_correct=can_correct,
            **{"form": TakeBackForm(), **kwargs},
        )


def _is_published(letter: PaperExchange) -> bool:
    """Whether the dataset may be named still: it may have been withdrawn since."""
    return letter.dataset_id is not None and (
        type(letter.dataset).objects.published().filter(pk=letter.dataset_id).exists()
    )


class PaperTakeBackView(RefusedFormMixin, PaperDetailView, FormView):
    form_class = TakeBackForm

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(self.object.get_absolute_url())

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        form = TakeBackForm(request.POST)
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def act(self, form) -> HttpResponse:
        paper.take_back(exchange=self.object, by=self.request.user, reason=form.cleaned_data["correction"])
        messages.success(self.request, _("Taken back: it no longer counts."))
        return redirect(self.object.get_absolute_url())


class PaperCorrectView(RefusedFormMixin, PaperMixin, FormView):
    """The same form with what stands there. It names the version that it was made from."""

    template_name = "exchange/paper_form.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.object.corrected_at or not paper.can_record(agency=self.object.agency, by=request.user):
            messages.error(request, _("This cannot be corrected by you, or not any more."))
            return redirect(self.object.get_absolute_url())
        return super().get(request, *args, **kwargs)

    def get_form(self, form_class=None):
        data = self.request.POST if self.request.method == "POST" else None
        return CorrectionForm(data, agency=self.object.agency, exchange=self.object)

    @property
    def version(self) -> PaperExchange:
        """The version that the page showed; the present one where it named none."""
        sent = self.request.POST.get("version", "")
        return next((one for one in self.versions if str(one.version) == sent), self.object)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(letter=self.object, agency=self.object.agency, **kwargs)

    def act(self, form) -> HttpResponse:
        corrected = paper.correct(
            exchange=self.version,
            by=self.request.user,
            content=form.content(),
            reason=form.cleaned_data["correction"],
        )
        messages.success(self.request, _("Corrected. The former version stays to be read."))
        return redirect(corrected.get_absolute_url())


class PaperFiguresView(PageMixin, TemplateView):
    """Which part of the exchanges of the own agencies is digital; of all agencies, for those who see them all."""

    template_name = "exchange/paper_figures.html"

    @cached_property
    def agencies(self) -> list[Agency]:
        user = self.request.user
        if sees_every_agency(user):
            return list(Agency.objects.all())
        own = Membership.objects.today().filter(user=user, role__in=READERS)
        return list(Agency.objects.filter(pk__in=own.values("agency")))

    def get_context_data(self, **kwargs) -> dict:
        wanted = self.request.GET.get("agency", "")
        chosen = [one for one in self.agencies if one.code == wanted]
        share = digital_share.share_of(chosen or self.agencies)
        letters = PaperExchange.objects.visible_to(self.request.user)
        if chosen:
            letters = letters.filter(agency__in=chosen)
        return super().get_context_data(
            share=share,
            chosen=chosen[0] if chosen else None,
            has_agencies=bool(self.agencies),
            page_obj=Paginator(share.by_agency, PER_PAGE).get_page(self.request.GET.get("page")),
            replaceable=digital_share.replaceable(letters),
            **kwargs,
        )
