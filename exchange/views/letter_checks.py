"""The public page on which a letter is checked: nobody has to sign in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, View
from rest_framework.throttling import SimpleRateThrottle

from exchange.forms.letter_check import LetterCheckForm
from exchange.refusals import Refusal
from exchange.services import letter_checks

PAGE = "exchange/letter_check.html"


class CheckThrottle(SimpleRateThrottle):
    """By address, whoever is signed in there."""

    scope = "letter-check"

    def get_cache_key(self, request: HttpRequest, view) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class CheckMixin:
    """A page that neither browsers nor search engines keep. How often an address may check is limited."""

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex"
        # The address of a scanned letter holds its code, so only the site is told. Under "no-referrer" a browser names no
        # origin either when the form is sent, and the portal takes that for a forgery.
        response.headers["Referrer-Policy"] = "strict-origin"
        return response

    def throttled(self) -> HttpResponse | None:
        throttle = CheckThrottle()
        if throttle.allow_request(self.request, self):
            return None
        wait = round(throttle.wait() or 60)
        response = render(self.request, PAGE, {"form": LetterCheckForm(), "wait": wait}, status=429)
        response.headers["Retry-After"] = str(wait)
        return response


class LetterCheckView(CheckMixin, FormView):
    form_class = LetterCheckForm
    template_name = PAGE

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return self.throttled() or super().post(request, *args, **kwargs)

    def form_valid(self, form: LetterCheckForm) -> HttpResponse:
        try:
            check = self.check(form)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        return render(self.request, PAGE, {"form": LetterCheckForm(), "check": check})

    def check(self, form: LetterCheckForm) -> letter_checks.Check:
        notation = form.cleaned_data["notation"]
        if notation is None:
            return letter_checks.by_hash(sha256=form.digest)
        agency, number = notation
        return letter_checks.by_code(agency=agency, number=number, code=form.cleaned_data["code"], sha256=form.digest)

    def form_invalid(self, form: LetterCheckForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class LetterScanView(CheckMixin, View):
    """Where the QR code leads."""

    def get(self, request: HttpRequest, *, agency: str, number: int, code: str) -> HttpResponse:
        if answer := self.throttled():
            return answer
        try:
            check = letter_checks.by_code(agency=agency, number=number, code=code)
        except Refusal as refusal:
            return render(request, PAGE, {"form": LetterCheckForm(), "refusal": refusal}, status=404)
        return render(request, PAGE, {"form": LetterCheckForm(), "check": check})
