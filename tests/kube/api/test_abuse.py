"""What careless and hostile clients send: each gets its own refusal, and the server lives on."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from lab.kube.api import bodies, server
from tests.kube.served import Served, serving

MIB = 1024 * 1024
COLLECTION = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture(autouse=True)
def lives_on(cluster: Served) -> Iterator[None]:
    yield
    with connected(cluster) as connection:
        status, _, _ = exchange(connection, cluster, "GET", "/api/v1/namespaces")
    assert status == 200


def connected(cluster: Served) -> ssl.SSLSocket:
    with cluster.api() as api:
        host = api.configuration.host
        context = ssl.create_default_context(cafile=api.configuration.ssl_ca_cert)
    raw = socket.create_connection(("127.0.0.1", int(host.rsplit(":", 1)[1])), timeout=10)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


def request(cluster: Served, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    named = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {cluster.credentials.admin_token}",
        "Content-Length": str(len(body)),
        "Content-Type": "application/json",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def answer(connection: ssl.SSLSocket) -> tuple[int, str, str]:
    """(status, head, body)"""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("closed without an answer")
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    text = head.decode()
    length = next(
        (int(line.split(":")[1]) for line in text.splitlines() if line.lower().startswith("content-length")),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(text.split()[1]), text, body.decode()


def exchange(
    connection: ssl.SSLSocket, cluster: Served, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, str, str]:
    connection.sendall(request(cluster, method, path, body, **headers))
    return answer(connection)


def send(cluster: Served, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    with connected(cluster) as connection:
        status, _, text = exchange(connection, cluster, method, path, body, **headers)
    assert "Traceback" not in text
    assert ".py" not in text
    return status, text


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b"5",
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"metadata": {"name": "\\ud800"}}',
        b'{"metadata": 5}',
        b'{"metadata": {"name": 5}}',
        b'{"metadata": {"name": {"a": 1}}}',
        b'{"metadata": {"name": "x", "labels": {"a": 5}}}',
        b'{"metadata": {"name": "x", "labels": ["a"]}}',
        b'{"metadata": {"name": "x", "finalizers": [[]]}}',
        b'{"metadata": {"name": "x", "ownerReferences": [5]}}',
        b'{"metadata": {"name": "x", "creationTimestamp": "yesterday"}}',
        b'{"metadata": {"name": "x"}, "data": [1]}',
        b'{"kind": 5}',
        b'{"kind": "Pod", "metadata": {"name": "x"}}',
        b'{"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "x"}}',
        b'{"metadata": {"name": "x", "namespace": "other"}}',
        b'{"metadata": {"name": "x", "resourceVersion": "5"}}',
        b'{"a":' * 90_000 + b"1" + b"}" * 90_000,
        b"[" * 1_000_000,
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_a_body_that_is_no_object_of_its_kind_is_a_400(cluster, body):
    status, text = send(cluster, "POST", COLLECTION, body)
    assert status == 400
    assert json.loads(text)["kind"] == "Status"


@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata": {"name": ""}}',
        b'{"metadata": {"name": "A"}}',
        b'{"metadata": {"name": "../../etc/passwd"}}',
        b'{"metadata": {"name": "a\\u0000b"}}',
        b'{"metadata": {"generateName": "-"}}',
        b'{"metadata": {"name": "x", "ownerReferences": [{}]}}',
        b'{"metadata": {"name": "x"}, "data": {"../a": ""}}',
    ],
)
def test_a_name_that_is_none_is_a_422(cluster, body):
    assert send(cluster, "POST", COLLECTION, body)[0] == 422


@pytest.mark.parametrize(
    "body",
    [
        b"a: &a [*a]",
        b"a: &a {b: c}\nd: *a",
        b"[" * 50_000,
        b"a: " * 3,
        b"? !!binary x",
        b"a: 2020-01-01\n- b",
        b"!!python/object:os.system x",
        b"a: 123456789012345678901234567890",
        b'a: "\\ud800"',
        b"\x00\x01",
    ],
)
def test_yaml_that_is_no_object_is_a_400(cluster, body):
    path = f"{COLLECTION}/x?fieldManager=test"
    status, _ = send(cluster, "PATCH", path, body, Content_Type="application/apply-patch+yaml")
    assert status == 400


@pytest.mark.parametrize("body", [b"", b"k8s\0\xff\xff\xff", b"\x0a\x05"])
def test_protobuf_that_is_none_is_a_400(cluster, body):
    status, _ = send(cluster, "POST", COLLECTION, body, Content_Type="application/vnd.kubernetes.protobuf")
    assert status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/default/pods/%2e%2e%2f%2e%2e%2fetc",
        "/api/v1/namespaces/../secrets",
        "/api/v1/namespaces/%2e%2e/secrets",
        "/api/v1/namespaces/default/pods/a%00b",
        "/api/v1/namespaces/default/pods/a%0d%0ab",
        "/api/v1/namespaces/default/pods/%ff",
        "/api/v1/namespaces/default/pods/%zz",
        "/api/v1/namespaces/default/pods/a%252fb",
        f"{COLLECTION}?limit=x",
        f"{COLLECTION}?limit=-1",
        f"{COLLECTION}?limit=99999999999999999999999999",
        f"{COLLECTION}?watch=maybe",
        f"{COLLECTION}?watch=1&timeoutSeconds=soon",
        f"{COLLECTION}?watch=1&resourceVersion=new",
        f"{COLLECTION}?resourceVersion=-1",
        f"{COLLECTION}?labelSelector=a%20b",
        f"{COLLECTION}?labelSelector=((((",
        f"{COLLECTION}?fieldSelector=x",
        f"{COLLECTION}?continue=x",
        "/api/v1/namespaces/default/pods/x/log?tailLines=x",
    ],
)
def test_a_path_or_query_that_cannot_be_is_a_400_or_404(cluster, path):
    status, _ = send(cluster, "GET", path)
    assert status == (404 if path.endswith("tailLines=x") else 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v2", 404),
        ("GET", "/apis/nowhere/v1/things", 404),
        ("GET", "/api/v1/namespaces//pods", 404),
        ("GET", "/api/v1/namespaces/default/pods/x/y/z/0", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("GET", f"{COLLECTION}/x/status", 404),
        ("POST", f"{COLLECTION}/x", 405),
        ("PUT", COLLECTION, 405),
        ("PATCH", COLLECTION, 405),
        ("OPTIONS", COLLECTION, 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405),
        ("POST", "/version", 405),
    ],
)
def test_what_is_not_there_and_what_cannot_be_done(cluster, method, path, status):
    assert send(cluster, method, path, b"{}" if method != "GET" else b"")[0] == status


def test_what_nobody_can_read_or_write_is_406_and_415(cluster):
    assert send(cluster, "GET", COLLECTION, Accept="text/html")[0] == 406
    assert send(cluster, "GET", COLLECTION, Accept="application/vnd.kubernetes.protobuf")[0] == 406
    assert (
        send(cluster, "PATCH", f"{COLLECTION}/kube-root-ca.crt", b"{}", Content_Type="text/plain")[0] == 415
    )


@pytest.mark.parametrize("extra", [{"Content_Length": "", "Transfer_Encoding": "chunked"}, {}])
def test_a_body_above_the_limit_is_a_413(cluster, extra):
    body = b'{"data": {"a": "' + b"x" * (3 * MIB) + b'"}}'
    if extra:
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    with connected(cluster) as connection:
        # The server may have said what it thinks before it has read everything.
        with contextlib.suppress(OSError):
            connection.sendall(request(cluster, "POST", COLLECTION, body, **extra))
        status, _, text = answer(connection)
    assert (status, json.loads(text)["reason"]) == (413, "RequestEntityTooLarge")


def test_a_small_body_that_unpacks_into_a_large_one_is_a_413(cluster):
    bomb = gzip.compress(b'{"data": {"a": "' + b"x" * (64 * MIB) + b'"}}')
    status, _ = send(cluster, "POST", COLLECTION, bomb, Content_Encoding="gzip")
    assert status == 413


def test_a_huge_header_and_two_lengths_are_refused(cluster):
    with connected(cluster) as connection:
        connection.sendall(request(cluster, "GET", COLLECTION, X_Long="x" * 20_000))
        assert answer(connection)[0] == 400
    with connected(cluster) as connection:
        connection.sendall(request(cluster, "POST", COLLECTION, b"0\r\n\r\n", Transfer_Encoding="chunked"))
        assert answer(connection)[0] == 400


def test_a_body_that_does_not_come_ends_with_a_408(cluster, monkeypatch):
    monkeypatch.setattr(bodies, "READ_TIMEOUT", 0.2)
    with connected(cluster) as connection:
        connection.sendall(request(cluster, "POST", COLLECTION, Content_Length="10"))
        status, head, _ = answer(connection)
    assert status == 408
    assert "Connection: close" in head


def test_a_connection_that_says_nothing_is_closed(cluster, monkeypatch):
    monkeypatch.setattr(server, "FIRST_REQUEST_TIMEOUT", 0.2)
    with connected(cluster) as connection:
        connection.sendall(b"GET /api HTTP/1.1\r\n")
        connection.settimeout(5)
        try:
            received = connection.recv(1)
        except (ConnectionResetError, ssl.SSLError):
            received = b""
        assert received == b""


def test_watches_are_counted(cluster, monkeypatch):
    monkeypatch.setattr(server, "MAX_WATCHES", 1)
    with connected(cluster) as first:
        first.sendall(request(cluster, "GET", f"{COLLECTION}?watch=1"))
        assert answer(first)[0] == 200
        status, text = send(cluster, "GET", f"{COLLECTION}?watch=1")
        assert (status, json.loads(text)["reason"]) == (429, "TooManyRequests")
    deadline = time.monotonic() + 5
    while send(cluster, "GET", f"{COLLECTION}?watch=1&timeoutSeconds=1")[0] == 429:
        # The server learns of the first client's leaving from its connection, a moment later.
        assert time.monotonic() < deadline


def test_connections_are_counted(cluster, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 0)
    with pytest.raises(OSError):  # noqa: PT011 - refused during the handshake or after it, as it happens
        send(cluster, "GET", "/version")
    monkeypatch.undo()


def test_an_error_inside_says_nothing_about_itself(cluster, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise RuntimeError("secret plans")

    monkeypatch.setattr(cluster.objects.store, "list", broken)
    status, text = send(cluster, "GET", COLLECTION)
    monkeypatch.undo()
    assert status == 500
    assert "secret plans" not in text
    assert "secret plans" in caplog.text
