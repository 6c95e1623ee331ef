"""Lengthening the term of a case."""

from django.utils.translation import gettext_lazy as _

from exchange.admin import wording
from exchange.admin.answers import Answer
from exchange.admin.forms import ExtensionForm
from exchange.models import ReviewCase
from exchange.services import extending
from registry.models import User


def _extend(case: ReviewCase, by: User, answers: dict) -> str:
    lengthened = extending.extend(request=case.request, by=by, **answers)
    return _("The case is due on %(day)s now.") % {"day": wording.day(lengthened.due_on)}


EXTEND = Answer(
    "extend", ExtensionForm, lambda case, by: extending.check_extending(request=case.request, by=by), _extend
)
