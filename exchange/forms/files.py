"""Choosing files to attach. What they are, the service looks at; here they are only taken over."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from exchange.uploads import store
from exchange.uploads.contents import ACCEPTED


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, as a list. Empty ones pass: the service names them."""

    widget = FilesInput

    def __init__(self, **kwargs):
        kwargs.setdefault("label", _("Files"))
        super().__init__(allow_empty_file=True, **kwargs)
        self.widget.attrs["accept"] = ",".join(f".{extension}" for extension in ACCEPTED)
        self.help_text = _("%(kinds)s; at most %(count)d files of %(size)d MB each.") % {
            "kinds": ", ".join(ACCEPTED),
            "count": settings.ATTACHMENT_MAX_COUNT,
            "size": settings.ATTACHMENT_MAX_BYTES // 1024**2,
        }

    def clean(self, data, initial=None) -> list:
        chosen = data if isinstance(data, list | tuple) else [data]
        cleaned = [super(FilesField, self).clean(one, initial) for one in chosen or [None]]
        return [one for one in cleaned if one]


class WithFiles(forms.Form):
    """A form to which files may be added. `was_cut` says that the portal stopped reading one because of its size."""

    files = FilesField(required=False)

    def __init__(self, *args, was_cut: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.was_cut = was_cut

    def clean(self) -> dict:
        if self.was_cut:
            self.add_error("files", store.too_large().message)
        return super().clean()


class FilesForm(WithFiles):
    """Nothing but files."""

    files = FilesField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["files"].required = not self.was_cut  # else the form would say that nothing was chosen
