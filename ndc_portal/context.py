"""What every template may use about the portal itself."""

from django.conf import settings
from django.http import HttpRequest

from ndc_portal.navigation import Viewer


def portal(request: HttpRequest) -> dict:
    return {"LANGUAGES": settings.LANGUAGES, "DEBUG_MODE": settings.DEBUG, "viewer": Viewer(request)}
