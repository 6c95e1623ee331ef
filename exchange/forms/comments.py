"""What a clerk or signatory says about a request."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.choices import Audience
from exchange.forms.files import WithFiles
from exchange.forms.inputs import Block
from exchange.services.comments import LONGEST
from registry.models import Agency


class CommentForm(WithFiles):
    """`owner` is whom the comment can be addressed to, where it can be; nothing is, unless it is ticked."""

    text = Block(label=_("Comment"), max_length=LONGEST)
    to_owner = forms.BooleanField(required=False)
    field_order = ["text", "files", "to_owner"]

    def __init__(self, *args, owner: Agency | None, **kwargs):
        super().__init__(*args, **kwargs)
        if owner is None:
            del self.fields["to_owner"]
            return
        field = self.fields["to_owner"]
        field.label = _("Send it to %(agency)s") % {"agency": owner}
        field.help_text = _(
            "Everybody who handles requests at %(agency)s reads it then, and it cannot be made internal again."
        ) % {"agency": owner}

    @property
    def audience(self) -> Audience:
        return Audience.BOTH if self.cleaned_data.get("to_owner") else Audience.INTERNAL
