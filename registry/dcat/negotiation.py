"""Which serialisation a reader asks for, by suffix or by Accept."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import MediaType
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from registry.dcat.export import FORMATS, Format

PAGE = "text/html"
SUFFIXES = {
    **{one.suffix: one for one in FORMATS},
    "xml": FORMATS[-1],
    "json": next(one for one in FORMATS if one.suffix == "jsonld"),
}
# RDF/XML is XML, and JSON-LD is JSON: many programs ask for no more than that.
GENERAL = {"application/json": SUFFIXES["json"], "application/xml": SUFFIXES["xml"], "text/xml": SUFFIXES["xml"]}


def preferred(request: HttpRequest) -> Format | str | None:
    """The format that the reader likes best, PAGE for a page to read, None where nothing fits.

    Parameters beside q do not count: a profile or charset that somebody adds to text/turtle still gets Turtle.
    """
    known = {**{one.media_type: one for one in FORMATS}, **GENERAL}
    offered = [PAGE, *known]
    header = request.headers.get("Accept", "").strip() or "*/*"
    accepted = [MediaType(token) for token in header.split(",") if token.strip()]
    qualities = {media_type: _quality(media_type, accepted) for media_type in offered}
    chosen = max(offered, key=qualities.get)  # the first of equals
    if qualities[chosen] == 0:
        return None
    return known.get(chosen, PAGE)


def _quality(offered: str, accepted: list[MediaType]) -> float:
    """The quality of the most specific range that covers what is offered, as RFC 9110 has it."""
    main, sub = offered.split("/")
    for ranges in ((main, sub), (main, "*"), ("*", "*")):
        found = [one.quality for one in accepted if (one.main_type.lower(), one.sub_type.lower()) == ranges]
        if found:
            return max(found)
    return 0


def not_acceptable(address: str) -> HttpResponse:
    """406, with what there is and where."""
    lines = [_("This address answers with one of:"), *(f"  {one.media_type}" for one in FORMATS), f"  {PAGE}", ""]
    response = HttpResponse("\n".join(lines), status=406, content_type="text/plain; charset=utf-8")
    if address:
        response["Link"] = ", ".join(alternates(address))
    patch_vary_headers(response, ["Accept"])
    return response


def see(address: str) -> HttpResponse:
    """303: the thing itself cannot be sent, but what is written about it can."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    patch_vary_headers(response, ["Accept"])
    return response


def alternates(address: str) -> list[str]:
    """All formats, as members of a Link header."""
    return [f'<{address}.{one.suffix}>; rel="alternate"; type="{one.media_type}"' for one in FORMATS]


class Negotiated:
    """For a page to read: whoever would rather have linked data is sent to the name of the thing itself."""

    def dispatch(self, request, *args, **kwargs):
        if isinstance(preferred(request), Format):
            query = request.META.get("QUERY_STRING", "")
            return see(request.path.rstrip("/") + (f"?{query}" if query else ""))
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code == 200:
            response["Link"] = ", ".join(alternates(request.path.rstrip("/")))
        patch_vary_headers(response, ["Accept"])
        return response

    def get_context_data(self, **kwargs):
        name = self.request.path.rstrip("/")
        return super().get_context_data(
            linked_data=[(one.label, one.media_type, f"{name}.{one.suffix}") for one in FORMATS], **kwargs
        )
