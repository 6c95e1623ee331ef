"""The only files that the query engine can open: those that were handed to it, each in the version that was found."""

import io
import threading
from datetime import UTC, datetime
from urllib.parse import quote

from fsspec import AbstractFileSystem

from registry.connectors.base import SourceError
from registry.connectors.files.stores import Store, StoredFile

PROTOCOL = "handed"
PARTITION = "ndc_partition_%d"
UNCHANGING = datetime(2000, 1, 1, tzinfo=UTC)


class HandedFiles(AbstractFileSystem):
    """A file system without names of its own: a path is a number, and the keys and values of partitions."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, store: Store):
        super().__init__(skip_instance_cache=True)
        self.problem: SourceError | None = None
        self._store = store
        self._files: dict[str, StoredFile] = {}
        self._quotes: dict[str, str] = {}
        self._opened: list[_Handed] = []

    def hand(self, file: StoredFile, *, quote_char: str = "", partition: list[tuple[str, str]] = ()) -> str:
        """Let the engine open this file by the path that is returned."""
        folders = [f"{PARTITION % number}={quote(value, safe='')}" for number, (_key, value) in enumerate(partition)]
        path = "/".join([f"f{len(self._files)}", *folders, "file"])
        self._files[path] = file
        self._quotes[path] = quote_char
        return f"{PROTOCOL}://{path}"

    def handed(self) -> list[StoredFile]:
        return list(self._files.values())

    def quotes_are_balanced(self) -> bool:
        """Whether every CSV file that was read to its end closed what it opened: the engine drops an open last line."""
        return all(opened.balanced for opened in self._opened)

    def _open(self, path, mode="rb", **_options):
        path = self._strip_protocol(path)
        if mode != "rb" or path not in self._files:
            raise PermissionError
        try:
            handle = self._store.open(self._files[path])
        except SourceError as error:
            self.problem = self.problem or error
            raise OSError from None
        self._opened.append(_Handed(self, handle, self._files[path].size, self._quotes[path]))
        return self._opened[-1]

    def info(self, path, **_options):
        path = self._strip_protocol(path)
        if path not in self._files:
            raise FileNotFoundError
        return {"name": path, "size": self._files[path].size, "type": "file"}

    def modified(self, path):
        return UNCHANGING  # another version is another file

    def glob(self, path, **_options):
        path = self._strip_protocol(path)
        return [path] if path in self._files else []

    def exists(self, path, **_options):
        return self._strip_protocol(path) in self._files


class _Handed(io.BufferedIOBase):
    """An open file. Its failures are kept, because the engine would only pass on their text.

    The engine reads ahead with threads of its own, each of which seeks and then reads: what one sought, another must
    not read. Without a seek of its own a thread goes on where the last reading ended.
    """

    def __init__(self, files, handle, size, quote_char=""):
        self._files, self._handle, self._size = files, handle, size
        self._quote = quote_char.encode()
        self._lock, self._sought = threading.Lock(), threading.local()
        self._at = self._counted = self._quotes = 0

    @property
    def balanced(self):
        """Whether a file that was read to its end closed every quotation."""
        return not self._quote or self._counted < self._size or self._quotes % 2 == 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def read(self, size=-1):
        with self._lock:
            at = self._position()
            self._sought.at = None
            try:
                self._handle.seek(at)
                data = self._handle.read(size)
            except SourceError as error:
                self._files.problem = self._files.problem or error
                raise OSError from None
            self._at = at + len(data)
            if self._quote and at <= self._counted < self._at:
                self._quotes += data.count(self._quote, self._counted - at)
                self._counted = self._at
            return data

    def seek(self, offset, whence=io.SEEK_SET):
        with self._lock:
            start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position(), io.SEEK_END: self._size}[whence]
            self._sought.at = self._at = start + offset
            return self._at

    def tell(self):
        with self._lock:
            return self._position()

    def _position(self):
        sought = getattr(self._sought, "at", None)
        return self._at if sought is None else sought

    def close(self):
        self._handle.close()
        super().close()
