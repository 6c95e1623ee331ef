"""Files in a bucket as a source, on a server that speaks S3 and checks signatures."""

import json
import logging
import socket
import ssl
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import botocore.config
import duckdb
import pytest
import requests
from moto.server import ThreadedMotoServer

from registry.choices import Engine, FieldKind, Operator
from registry.connectors import (
    Address,
    Column,
    Condition,
    ExtractPlan,
    PermanentSourceError,
    TemporarySourceError,
    check_address,
    get,
)
from registry.connectors.files import bucket as buckets
from tests.registry.connectors.conftest import KEY

NAME = "agency-data"
PREFIX = "nộp/2024 (a+b)&c=d"
A = Column("a", "a", FieldKind.TEXT)


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _client(server, service, key="made-up", secret="made-up"):  # noqa: S107
    return boto3.client(
        service,
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="module")
def account(server):
    """A key that may only list and read; from here on the server checks every signature."""
    _client(server, "s3").create_bucket(Bucket=NAME)
    iam = _client(server, "iam")
    iam.create_user(UserName="ndc")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}
    iam.put_user_policy(UserName="ndc", PolicyName="read", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName="ndc")["AccessKey"]
    requests.post(f"{server}/moto-api/reset-auth", data=b"0", timeout=5)
    return made["AccessKeyId"], made["SecretAccessKey"]


@pytest.fixture
def address(server, account, settings):
    host, port = server.removeprefix("http://").split(":")
    settings.SOURCE_ALLOWED_ADDRESSES = [f"{host}:{port}"]
    return Address(
        engine=Engine.FILES,
        database=f"s3://{NAME}/{PREFIX}",
        host=host,
        port=int(port),
        username=account[0],
        password=account[1],
        sslmode="disable",
        statement_timeout=30,
    )


@pytest.fixture
def put(server, account):
    client = _client(server, "s3", *account)
    stored = []

    def put(path, data, prefix=PREFIX):
        key = f"{prefix}/{path}"
        client.put_object(Bucket=NAME, Key=key, Body=data)
        stored.append(key)

    yield put
    for key in stored:
        client.delete_object(Bucket=NAME, Key=key)


@pytest.fixture
def parquet(put, tmp_path):
    def write(path, query):
        target = tmp_path / "made.parquet"
        with duckdb.connect() as engine:
            engine.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
        put(path, target.read_bytes())

    return write


def _extract(source, table, *columns):
    plan = ExtractPlan(table=table, columns=columns or (A,))
    return b"".join(chunk.data for chunk in source.extract(plan, pseudonym_key=KEY))


def test_tables_of_a_bucket_are_described_read_and_looked_up(address, put, parquet):
    put("công dân.csv", b'a,b\n1,"x, y"\n2,\n')
    put("công dân.csv-metadata.json", b'{"tableSchema": {"columns": [{"name": "a", "datatype": "integer"}]}}')
    parquet("phần/tỉnh=Huế/0.parquet", "SELECT range AS n FROM range(5000)")
    put("ngoài.csv", b"a\n1\n", prefix=f"{PREFIX}, another")
    source = get(address)

    described = {table.name: table for table in source.describe()}

    assert list(described) == ["công dân", "phần"]
    assert described["công dân"].columns[0].kind == FieldKind.INTEGER
    assert described["phần"].estimated_rows == 5000
    assert _extract(source, "công dân", A, Column("b", "b", FieldKind.TEXT)) == b'a,b\n1,"x, y"\n2,\n'
    above = Condition("n", FieldKind.INTEGER, Operator.AT_LEAST, ("4990",))
    assert source.count(ExtractPlan(table="phần", columns=(A,), conditions=(above,)), 5) == 10
    plan = ExtractPlan(table="phần", columns=(Column("t", "tỉnh", FieldKind.TEXT),))
    assert source.lookup(plan, key_field="n", key="7", pseudonym_key=KEY) == [{"t": "Huế"}]
    assert source.check().server_version


def test_only_what_is_needed_is_fetched(address, parquet, monkeypatch):
    parquet("wide.parquet", "SELECT range AS n, sha256(range::VARCHAR) AS big FROM range(60000)")
    fetched = []
    original = buckets.Bucket.piece

    def piece(self, file, start, length):
        fetched.append(length)
        return original(self, file, start, length)

    monkeypatch.setattr(buckets.Bucket, "piece", piece)
    source = get(address)
    (size,) = (file.size for file in buckets.Bucket(address, check_address(address), float("inf")).files())

    assert source.count(ExtractPlan(table="wide", columns=(A,)), 5) == 60_000
    assert sum(fetched) < size / 3


def test_more_than_one_page_is_listed(address, put, monkeypatch):
    for name in range(5):
        put(f"{name}.csv", b"a\n1\n")
    monkeypatch.setattr(buckets, "PAGE", 2)

    assert [table.name for table in get(address).describe()] == list("01234")


def test_object_that_changes_while_it_is_read_is_noticed(address, put):
    put("x.csv", b"a,b\n" + b"1,2\n" * 200_000)
    store = buckets.Bucket(address, check_address(address), float("inf"))
    (found,) = store.files()
    with store.open(found) as handle:
        handle.read(10)
        put("x.csv", b"a,b\n" + b"3,4\n" * 200_000)

        with pytest.raises(TemporarySourceError) as caught:
            handle.read()
    assert caught.value.code == "file-changed"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"password": "wrong"}, PermanentSourceError, "access-denied"),
        ({"username": "AKIAWRONGWRONGWRONG1"}, PermanentSourceError, "access-denied"),
        ({"database": "s3://no-such-bucket/x"}, PermanentSourceError, "unknown-database"),
        ({"sslmode": "verify-full"}, PermanentSourceError, "tls-failed"),
    ],
)
def test_refusals_can_be_told_apart(address, changes, error, code):
    with pytest.raises(error) as caught:
        get(replace(address, **changes)).check()

    assert (type(caught.value), caught.value.code) == (error, code)
    assert "wrong" not in str(caught.value)


def test_server_that_is_away_is_temporary(address, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{port}"]

    with pytest.raises(TemporarySourceError) as caught:
        get(replace(address, port=port)).check()
    assert caught.value.code == "unreachable"


TYPED = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


@pytest.fixture
def strange_server(settings):
    """A server that answers whatever it is told to."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers["next"]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{port}"]

    def check(status, headers, body):
        answers["next"] = status, headers, body
        address = Address(engine=Engine.FILES, database="s3://bucket", host="127.0.0.1", port=port, sslmode="disable")
        return get(address).check()

    yield check
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (302, {"Location": "http://169.254.169.254/latest"}, b"", PermanentSourceError),
        (200, {}, b"not xml", PermanentSourceError),
        (200, {}, b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', PermanentSourceError),
        (200, {}, TYPED.encode("utf-16"), PermanentSourceError),
        (200, {}, f"<!--{'x' * 70_000}-->{TYPED}".encode(), PermanentSourceError),
        (200, {}, b"<x>" + b" " * 9_000_000 + b"</x>", PermanentSourceError),
        (200, {}, b"<x><Contents><Key>a.csv</Key><Size>many</Size></Contents></x>", PermanentSourceError),
        (404, {}, b"x" * 9_000_000, TemporarySourceError),
        (500, {}, b"", TemporarySourceError),
        (503, {}, b"SlowDown", TemporarySourceError),
        (429, {}, b"", TemporarySourceError),
    ],
)
def test_strange_answers_are_refused(strange_server, status, headers, body, error):
    with pytest.raises(error):
        strange_server(status, headers, body)


def _head(*lines):
    return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *lines, "", ""]).encode()


# What comes at once, and what comes byte by byte after it.
SLOW = {
    "headers": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "body": (_head("Content-Length: 9000000"), b" "),
    "chunk": (_head("Transfer-Encoding: chunked") + b"800000\r\n", b" "),
    "body without a length": (_head() + b"<x/>", b" "),
    "refusal": (_head("Content-Length: 3000").replace(b"200 OK", b"500 No"), b" "),
    "handshake": (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00"),
}


@pytest.fixture
def slow_server(settings):
    """A server that never falls silent for long, and never comes to an end within half a minute."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{port}"]
    cut_off = threading.Event()

    def answer(begin, byte):
        connection, _peer = listener.accept()
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(begin)
                for _ in range(1_500):
                    connection.sendall(byte)
                    time.sleep(0.02)
            except OSError:
                cut_off.set()

    def start(kind):
        threading.Thread(target=answer, args=SLOW[kind], daemon=True).start()
        mode = "verify-full" if kind == "handshake" else "disable"
        address = Address(engine=Engine.FILES, database="s3://bucket", host="127.0.0.1", port=port, sslmode=mode)
        return buckets.Bucket(address, check_address(address), time.monotonic() + 0.5)

    yield start, cut_off
    listener.close()


@pytest.mark.parametrize("kind", SLOW)
def test_server_that_answers_byte_by_byte_is_cut_off_at_the_deadline(slow_server, kind):
    start, cut_off = slow_server

    with pytest.raises(TemporarySourceError) as caught:
        start(kind).files()

    assert caught.value.code == "source-slow"
    assert cut_off.wait(5)  # it had some 30 seconds to go on


def test_no_connection_is_made_after_the_deadline(address, monkeypatch):
    monkeypatch.setattr("requests.Session.get", lambda *args, **kwargs: pytest.fail("asked"))

    with pytest.raises(TemporarySourceError) as caught:
        buckets.Bucket(address, check_address(address), time.monotonic()).files()
    assert caught.value.code == "source-slow"


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "other"}, {"port": 9}, {"host": "169.254.169.254"}, {"host": ""}, {"host": "a b"}, {"sslmode": "allow"},
        {"database": "s3://"}, {"database": "s3://UPPER/x"}, {"database": "s3://bucket/../x"}, {"database": "s3://a"},
        {"database": "s3://bucket/x\ny"}, {"database": "s3://bucket/x?region=a b"}, {"database": "s3://bucket/x?other=1"},
        {"database": "s3://bucket@evil/x"}, {"username": "a\nb"}, {"username": "a b"}, {"password": "a\0b"},
    ],
)  # fmt: skip
def test_hostile_buckets_are_refused(address, changes):
    with pytest.raises(PermanentSourceError) as caught:
        check_address(replace(address, **changes))

    assert caught.value.code == "bad-address"


def test_address_is_asked_for_once_and_connected_to(address, monkeypatch, settings):
    settings.SOURCE_ALLOWED_ADDRESSES = ["store.gov.vn:9000"]
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.9.8.7", 9000))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [entry])
    asked = []

    def send(self, request, **options):
        asked.append((request.url, request.headers["Host"], options["proxies"].copy()))
        raise requests.exceptions.ConnectionError

    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", send)
    monkeypatch.setenv("HTTPS_PROXY", "http://evil:1")

    with pytest.raises(TemporarySourceError):
        get(replace(address, host="store.gov.vn", port=9000, sslmode="verify-full")).check()

    assert [(url.split("?")[0], host, dict(proxies)) for url, host, proxies in asked] == [
        (f"https://10.9.8.7:9000/{NAME}/", "store.gov.vn:9000", {})
    ]


def test_certificate_must_be_for_the_name_that_was_asked_for(address):
    endpoint = check_address(address)
    adapter = buckets.Bucket(address, replace(endpoint, host="store.gov.vn"), 0)._session.get_adapter("https://x")

    options = adapter.poolmanager.connection_pool_kw

    assert (options["server_hostname"], options["assert_hostname"]) == ("store.gov.vn", "store.gov.vn")
    assert options["ssl_context"].verify_mode == ssl.CERT_REQUIRED
