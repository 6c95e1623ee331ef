"""Where attached files lie, and the scanner that is asked about them."""

import hashlib
import io
import os
import stat
import time
import uuid

import pytest

from exchange.uploads import clamd, store
from exchange.uploads.unacceptable import Unacceptable
from tests.exchange import files

ID = uuid.uuid4()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.ATTACHMENT_DIR = tmp_path / "attachments"
    return settings.ATTACHMENT_DIR


def everything(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file()]


def kept(*chunks: bytes) -> str:
    with store.staging(chunks) as staged:
        store.publish(staged, ID)
    return staged.sha256


def test_a_file_lies_under_its_hash_for_the_portal_alone(folder):
    sha256 = kept(b"ab", b"c")
    (path,) = everything(folder)
    assert path.relative_to(folder).parts == (sha256[:2], f"{sha256}.{ID}")
    assert sha256 == hashlib.sha256(b"abc").hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with store.opened(sha256, ID) as file:
        assert file.read() == b"abc"
    store.destroy(sha256, ID)
    store.destroy(sha256, ID)
    assert everything(folder) == []


def test_what_is_not_published_is_gone(folder):
    with store.staging([b"abc"]) as staged:
        assert staged.size == 3
        assert len(everything(folder)) == 1
    assert everything(folder) == []


def test_writing_stops_at_the_limit(folder, settings):
    settings.ATTACHMENT_MAX_BYTES = 1_000_000
    taken = []

    def chunks():
        for number in range(10):
            taken.append(number)
            yield b"x" * 400_000

    with pytest.raises(Unacceptable, match="file-too-large"), store.staging(chunks()):
        pass
    assert taken == [0, 1, 2]
    assert everything(folder) == []


def test_bytes_that_changed_on_the_disk_are_not_handed_out(folder):
    sha256 = kept(b"abc")
    (path,) = everything(folder)
    path.write_bytes(b"abd")
    with pytest.raises(FileNotFoundError):
        store.opened(sha256, ID)


def test_what_a_killed_process_was_writing_is_cleared_a_day_later(folder):
    incoming = folder / "incoming"
    incoming.mkdir(parents=True)
    old, new = incoming / "a.part", incoming / "b.part"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    assert store.clear_incoming() == 1
    assert everything(folder) == [new]


def test_the_scanner_gets_the_whole_file_and_tells_what_it_found(settings):
    content = os.urandom(300_000)
    with files.clamd(settings) as received:
        assert clamd.virus_in(io.BytesIO(content)) == ""
        assert clamd.virus_in(io.BytesIO(files.EICAR)) == "Eicar-Test-Signature"
        assert clamd.virus_in(io.BytesIO(b"")) == ""
    assert received == [content, files.EICAR, b""]


@pytest.mark.parametrize(
    "answer",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: Can't open file ERROR\0",
        b"\0",
        b"stream: OK and more\0",
        b"x" * 10_000,
    ],
)
def test_an_answer_that_says_nothing_about_the_file_is_none(settings, answer):
    with files.clamd(settings, answer=answer), pytest.raises(clamd.Unavailable):
        clamd.virus_in(io.BytesIO(b"abc"))


def test_a_scanner_that_is_silent_or_away_gave_no_answer(settings):
    with files.clamd(settings, silent=True), pytest.raises(clamd.Unavailable):
        clamd.virus_in(io.BytesIO(b"abc"))
    for address in ("127.0.0.1:1", "/nowhere/clamd.sock"):
        settings.CLAMD_ADDRESS = address
        with pytest.raises(clamd.Unavailable):
            clamd.virus_in(io.BytesIO(b"abc"))
