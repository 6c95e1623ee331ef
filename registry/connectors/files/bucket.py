"""Files in a bucket that speaks S3, read piece by piece; nothing is kept on this machine."""

import io
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import requests
from requests_aws4auth import AWS4Auth

from registry.connectors.addresses import Endpoint
from registry.connectors.base import Address, PermanentSourceError, SourceError, TemporarySourceError
from registry.connectors.files.stores import Store, StoredFile, check_number, folded
from registry.markup import DocumentTypeFound, Gate
from registry.outgoing import CheckedAddressAdapter, Deadline, WatchedAdapter

CONNECT_SECONDS = 5
READ_SECONDS = 30
LONGEST_LIST = 8 * 1024 * 1024
USUAL_REGION = "us-east-1"
PAGE = 1_000
READ_AHEAD = 256 * 1024
SUCCESS = (200, 206)
LONGEST_ERROR = 4_000  # bytes; what comes after says nothing more


class Bucket(Store):
    """All requests go to the addresses that were checked; certificates are compared with the name that was asked for."""

    def __init__(self, address: Address, endpoint: Endpoint, deadline: float):
        self._endpoint, self._deadline = endpoint, Deadline(deadline)
        self._scheme = "http" if address.sslmode == "disable" else "https"
        self._authority = f"{endpoint.host}:{address.port}"
        self._port = address.port
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no credentials from elsewhere
        self._session.mount("http://", WatchedAdapter(self._deadline))
        self._session.mount("https://", CheckedAddressAdapter(self._deadline, endpoint.host))
        if address.username:
            region = endpoint.region or USUAL_REGION
            self._session.auth = AWS4Auth(address.username, address.password, region, "s3")
        self.left_out = []

    def files(self, start: str = "") -> list[StoredFile]:
        self.left_out = []
        found, more, wanted = [], {}, folded(start)  # a server compares names letter by letter only
        while True:
            asked = {"list-type": "2", "prefix": self._endpoint.prefix, "max-keys": str(PAGE), **more}
            query = urlencode(sorted(asked.items()), quote_via=quote)
            page = _parsed(self._get("", query=query, most=LONGEST_LIST))
            for entry in page.iterfind("{*}Contents"):
                found.extend(file for file in self._stored(entry) if folded(file.path).startswith(wanted))
            check_number(found)
            if page.findtext("{*}IsTruncated") != "true":
                return sorted(found, key=lambda file: file.path)
            more = {"continuation-token": page.findtext("{*}NextContinuationToken", "")}

    def _stored(self, entry):
        path = entry.findtext("{*}Key", "").removeprefix(self._endpoint.prefix)
        parts = path.split("/")
        if not parts[-1] or any(part.startswith((".", "_")) for part in parts):
            return
        if "" in parts:
            self.left_out.append(path)
            return
        size = entry.findtext("{*}Size", "0")
        if not (size.isascii() and size.isdigit()):
            raise PermanentSourceError("source-failed")
        yield StoredFile(path, int(size), entry.findtext("{*}ETag", ""))

    def open(self, file: StoredFile):
        return io.BufferedReader(_Ranges(self, file), READ_AHEAD)

    def piece(self, file: StoredFile, start: int, length: int) -> bytes:
        headers = {"Range": f"bytes={start}-{start + length - 1}", "If-Match": file.version}
        data = self._get(file.path, headers=headers, most=length)
        if len(data) != length:
            raise TemporarySourceError("file-changed")
        return data

    def check_unchanged(self, files: list[StoredFile]) -> None:
        """Every piece was asked for by its version already."""

    def close(self) -> None:
        self._session.close()
        self._deadline.cancel()

    def _get(self, path, *, most: int, query="", headers=None) -> bytes:
        """The body of the answer: no more than `most` bytes, and not after the deadline, whatever the server sends."""
        key = quote(f"{self._endpoint.bucket}/{self._endpoint.prefix + path if path else ''}", safe="/~")
        failure = None
        for hostaddr in self._endpoint.hostaddrs:
            host = f"[{hostaddr}]" if ":" in hostaddr else hostaddr
            url = f"{self._scheme}://{host}:{self._port}/{key}" + (f"?{query}" if query else "")
            self._check_time()
            try:
                answer = self._session.get(
                    url,
                    headers={"Host": self._authority, "Accept-Encoding": "identity", **(headers or {})},
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
                with answer:
                    body = self._body(answer, most if answer.status_code in SUCCESS else LONGEST_ERROR)
            except (requests.exceptions.RequestException, ValueError) as error:
                self._check_time()  # what was cut off at the deadline looks like any broken connection
                failure = _failure_of(error)
                if failure.code != "unreachable":
                    raise failure from None
                continue
            self._check_time()  # a body without a length only seems complete
            _check(answer.status_code, body)
            return body
        raise failure or TemporarySourceError("unreachable")

    def _check_time(self) -> None:
        if self._deadline.is_over:
            raise TemporarySourceError("source-slow")

    def _body(self, answer, most) -> bytes:
        found = bytearray()
        for piece in answer.iter_content(READ_AHEAD):
            found += piece
            if len(found) > most:
                if answer.status_code in SUCCESS:
                    raise PermanentSourceError("source-failed")
                break
        return bytes(found)


def _failure_of(error: Exception) -> SourceError:
    match error:
        case requests.exceptions.SSLError():
            return PermanentSourceError("tls-failed")
        case requests.exceptions.ReadTimeout():
            return TemporarySourceError("source-slow")
    return TemporarySourceError("unreachable")


class _Ranges(io.RawIOBase):
    def __init__(self, bucket, file):
        self._bucket, self._file, self._at = bucket, file, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._at

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        return self._at

    def readinto(self, buffer):
        length = min(len(buffer), self._file.size - self._at)
        if length <= 0:
            return 0
        data = self._bucket.piece(self._file, self._at, length)
        buffer[:length] = data
        self._at += length
        return length


REFUSALS = {
    401: PermanentSourceError("access-denied"),
    403: PermanentSourceError("access-denied"),
    412: TemporarySourceError("file-changed"),
    416: TemporarySourceError("file-changed"),
    429: TemporarySourceError("source-busy"),
    503: TemporarySourceError("source-busy"),
}


def _check(status: int, body: bytes) -> None:
    if status in SUCCESS:
        return
    if status == 404:
        raise (
            PermanentSourceError("unknown-database")
            if b"<Code>NoSuchBucket" in body
            else TemporarySourceError("file-changed")
        )
    known: SourceError | None = REFUSALS.get(status)
    if known is not None:
        raise type(known)(known.code)
    raise TemporarySourceError("interrupted") if status >= 500 else PermanentSourceError("source-failed")


def _parsed(data: bytes):
    gate = Gate()
    try:
        gate.feed(data, is_last=True)
        return ElementTree.fromstring(data)  # noqa: S314 - no document type, so no entities
    except (DocumentTypeFound, ElementTree.ParseError):
        raise PermanentSourceError("source-failed") from None
