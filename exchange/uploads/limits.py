"""What stops an upload while it is still coming in, before it fills the disk."""

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile


class LimitHandler(FileUploadHandler):
    """Drops a file as soon as it is larger than any may be, and files beyond the number that any form takes.

    Of what was dropped for its size the request knows: `request.has_cut_upload`.
    """

    def __init__(self, request=None):
        super().__init__(request)
        self.begun = 0

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.begun += 1
        if self.begun > settings.ATTACHMENT_MAX_COUNT + 1:  # one too many, so that the form says it
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > settings.UPLOAD_MAX_BYTES:
            self.request.has_cut_upload = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None  # the handlers after this one keep the bytes


def was_cut(request) -> bool:
    """Whether a file of the form was dropped because of its size."""
    return getattr(request, "has_cut_upload", False)
