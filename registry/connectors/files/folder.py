"""Files in a folder of this machine. Links inside it are never followed, so nothing leads out of it."""

import os
import stat
from contextlib import contextmanager

from registry.connectors.addresses import Endpoint
from registry.connectors.base import TemporarySourceError
from registry.connectors.files.stores import Store, StoredFile, check_number, folded

DEEPEST = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder(Store):
    """Every step of a path is opened below the one before, from the allowed folder on: renaming and linking meanwhile
    cannot make one of them lead elsewhere.
    """

    def __init__(self, endpoint: Endpoint):
        with _translated(), _opened_below(endpoint.base, endpoint.path.relative_to(endpoint.base).parts) as root:
            self._root = os.dup(root)
        self.writable = os.access(endpoint.path, os.W_OK)

    def files(self, start: str = "") -> list[StoredFile]:
        self.left_out = []
        found = []
        with _translated():
            for entry in self._entries(self._root, "", folded(start)):
                found.append(entry)
                check_number(found)
        return sorted(found, key=lambda file: file.path)

    def _entries(self, folder, above, start):
        with os.scandir(folder) as entries:
            named = sorted(entries, key=lambda entry: entry.name)
        for entry in named:
            if entry.name.startswith((".", "_")) or not folded(entry.name).startswith(start):
                continue
            path = above + entry.name
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and path.count("/") < DEEPEST:
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    yield from self._entries(inner, f"{path}/", "")
                finally:
                    os.close(inner)
            elif stat.S_ISREG(status.st_mode) and _readable(path):
                yield StoredFile(path, status.st_size, _version(status))
            else:
                self.left_out.append(path.encode(errors="replace").decode())

    def open(self, file: StoredFile):
        *folders, name = file.path.split("/")
        with _translated(), _opened_below(self._root, folders) as folder:
            handle = os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb")
        if _version(os.fstat(handle.fileno())) != file.version:
            handle.close()
            raise TemporarySourceError("file-changed")
        return handle

    def check_unchanged(self, files: list[StoredFile]) -> None:
        for file in files:
            self.open(file).close()

    def close(self) -> None:
        os.close(self._root)


def _version(status):
    # The time of the last change of the inode cannot be set back, unlike that of its contents.
    facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return ":".join(map(str, (*facts, stat.S_ISREG(status.st_mode))))


def _readable(path):
    try:
        path.encode()
    except UnicodeEncodeError:
        return False  # a name in another encoding
    return True


@contextmanager
def _opened_below(base, parts):
    folder = os.open(base, _FOLDER) if not isinstance(base, int) else os.dup(base)
    try:
        for part in parts:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _translated():
    try:
        yield
    except PermissionError:
        raise TemporarySourceError("no-privilege") from None
    except FileNotFoundError:
        raise TemporarySourceError("file-changed") from None
    except OSError:
        raise TemporarySourceError("unreachable") from None
