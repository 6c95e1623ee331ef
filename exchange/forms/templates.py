"""Naming a template, and choosing what of a request it keeps."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.choices import TemplatePart
from exchange.forms.inputs import Choices, Line
from exchange.models import RequestTemplate


class TemplateNameForm(forms.Form):
    name = Line(label=_("Name"), max_length=RequestTemplate._meta.get_field("name").max_length)


class TemplateForm(TemplateNameForm):
    parts = Choices(
        label=_("What it keeps"),
        choices=TemplatePart,
        initial=list(TemplatePart),
        help_text=_(
            "Letter number, declarations and the people named are never kept, nor lists of people in the row filter."
        ),
        error_messages={"required": _("Choose at least one part.")},
    )
