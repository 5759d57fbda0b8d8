"""Port forwarding as kubectl does it, and what it must withstand."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator

import pytest
import websocket

from lab.kube.api import spdy
from tests.kube.served import Served, serving

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: app}]}
"""


class Echo(socketserver.ThreadingTCPServer):
    """Sends back what it gets, in capitals, and ends when the other side has ended."""

    allow_reuse_address = daemon_threads = True

    class _Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(65536):
                self.request.sendall(data.upper())

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        served.kubectl("create", "-f", "-", stdin=MANIFEST)
        served.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=5s")
        yield served


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with Echo() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextlib.contextmanager
def forwarded(cluster: Served, port: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The local port of `kubectl port-forward`, and kubectl itself."""
    process = subprocess.Popen(
        ["kubectl", "port-forward", "pod/web", f":{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cluster.environment(),
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.fullmatch(rf"Forwarding from 127\.0\.0\.1:(\d+) -> {port}\n", said)
        assert found, said
        yield int(found[1]), process
    finally:
        process.terminate()
        process.communicate()


def said(port: int, content: bytes) -> bytes:
    """What comes back of some content, to the end."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        sender = threading.Thread(
            target=lambda: (connection.sendall(content), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        found = b""
        while data := connection.recv(65536):
            found += data
        sender.join()
        return found


def test_kubectl_forwards_connections_one_after_the_other(cluster, echo):
    with forwarded(cluster, echo) as (port, _):
        for word in (b"hello", b"", b"again"):
            assert said(port, word) == word.upper()


def test_ten_connections_at_a_time_carry_a_mebibyte_each(cluster, echo):
    content = b"0123456789abcdef" * 65536
    results: list[bytes] = []
    with forwarded(cluster, echo) as (port, _):
        threads = [threading.Thread(target=lambda: results.append(said(port, content))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert results == [content.upper()] * 10


def test_a_port_where_nobody_listens(cluster, echo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with forwarded(cluster, free) as (port, process):
        assert said(port, b"") == b""
        assert process.stderr is not None
        line = process.stderr.readline()
    assert f"an error occurred forwarding {port} -> {free}: error forwarding port {free} to pod " in line
    assert line.endswith(f', uid : dial tcp4 127.0.0.1:{free}: connection refused"\n')


def test_a_service_s_pod_is_found(cluster, echo):
    manifest = f"""
    apiVersion: v1
    kind: Service
    metadata: {{name: web}}
    spec: {{selector: {{run: web}}, ports: [{{port: 80, targetPort: {echo}}}]}}
    """
    cluster.kubectl("create", "-f", "-", stdin=manifest)
    cluster.kubectl("label", "pod/web", "run=web")
    process = subprocess.Popen(
        ["kubectl", "port-forward", "service/web", ":80"],
        stdout=subprocess.PIPE,
        text=True,
        env=cluster.environment(),
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().split(":")[1].split(" ")[0])
    assert said(port, b"x") == b"X"
    process.terminate()
    process.communicate()


def test_a_pod_that_is_not_there(cluster):
    said = cluster.run("port-forward", "pod/nobody", ":80").stderr
    assert said == 'Error from server (NotFound): pods "nobody" not found\n'


def test_spdy_alone_is_told_what_to_use(cluster, echo):
    done = cluster.run(
        "port-forward", "pod/web", f":{echo}", env={"KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
    )
    assert done.returncode == 1
    assert "use WebSockets (kubectl 1.31 or newer" in done.stderr


@pytest.fixture
def tunnel(cluster: Served) -> Iterator[websocket.WebSocket]:
    with cluster.api() as api:
        url = api.configuration.host.replace("https", "wss")
        trusted = api.configuration.ssl_ca_cert
        found = websocket.create_connection(
            f"{url}/api/v1/namespaces/default/pods/web/portforward",
            subprotocols=["SPDY/3.1+portforward.k8s.io"],
            header=[f"Authorization: Bearer {cluster.credentials.admin_token}"],
            sslopt={"ca_certs": trusted, "cert_reqs": ssl.CERT_REQUIRED},
            timeout=5,
        )
        yield found
        found.close()


class Speaker:
    """The client's side of SPDY."""

    def __init__(self, tunnel: websocket.WebSocket) -> None:
        self._tunnel = tunnel
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
        self._reader = spdy.Reader()

    def open(self, stream: int, **headers: str) -> None:
        pairs = [text.encode() for pair in headers.items() for text in pair]
        block = struct.pack(">I", len(headers))
        block += b"".join(struct.pack(">I", len(text)) + text for text in pairs)
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self.send(spdy.control(spdy.SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + packed))

    def send(self, content: bytes) -> None:
        self._tunnel.send_binary(content)

    def frames(self) -> list[spdy.Frame]:
        content = self._tunnel.recv()
        assert isinstance(content, bytes)
        return self._reader.feed(content)


def test_a_ping_is_answered_and_a_stream_of_no_request_refused(tunnel):
    speaker = Speaker(tunnel)
    speaker.send(spdy.control(spdy.PING, struct.pack(">I", 7)))
    assert speaker.frames() == [spdy.Frame(spdy.PING, 0, 7, struct.pack(">I", 7))]
    speaker.open(1, streamtype="data", requestid="0", port="80")
    (frame,) = speaker.frames()
    assert (frame.kind, frame.stream) == (spdy.RST_STREAM, 1)


def test_frames_may_come_in_pieces(tunnel, echo):
    speaker = Speaker(tunnel)
    speaker.open(1, streamtype="error", requestid="0", port=str(echo))
    speaker.open(3, streamtype="data", requestid="0", port=str(echo))
    for byte in spdy.data(3, b"piece") + spdy.data(3, b"", last=True):
        speaker.send(bytes([byte]))
    found: list[spdy.Frame] = []
    while not any(frame.stream == 1 and frame.kind == spdy.DATA for frame in found):
        found += speaker.frames()
    content = b"".join(frame.body for frame in found if frame.kind == spdy.DATA and frame.stream == 3)
    assert content == b"PIECE"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", ""])
def test_an_impossible_port_is_an_error_of_that_connection(tunnel, port):
    speaker = Speaker(tunnel)
    speaker.open(1, streamtype="error", requestid="0", port=port)
    speaker.open(3, streamtype="data", requestid="0", port=port)
    found: list[spdy.Frame] = []
    while not any(frame.stream == 1 and frame.kind == spdy.DATA for frame in found):
        found += speaker.frames()
    assert found[-1].body == f"invalid port {port!r}".encode()


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        struct.pack(">II", 1, 0xFFFFFF),
        struct.pack(">II", 0x80020001, 4) + b"\0\0\0\1",
        struct.pack(">II", 0x80030001, 4) + b"\0\0\0\1",
        struct.pack(">II", 0x80030001, 20) + b"\0" * 10 + b"no zlib at all"[:10],
    ],
    ids=["http", "huge frame", "old version", "short syn", "no headers"],
)
def test_garbage_ends_the_connection_and_nothing_else(cluster, tunnel, content):
    tunnel.send_binary(content)
    deadline = time.monotonic() + 5
    while tunnel.connected and time.monotonic() < deadline:
        if tunnel.recv_frame().opcode == websocket.ABNF.OPCODE_CLOSE:
            break
    else:
        pytest.fail("the server kept the connection")
    assert cluster.kubectl("get", "--raw", "/healthz") == "ok"


def test_headers_that_unpack_to_too_much(cluster, tunnel):
    bomb = zlib.compressobj(zdict=spdy.DICTIONARY)
    packed = bomb.compress(b"\0" * 10_000_000) + bomb.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(spdy.Malformed):
        spdy.Reader().feed(spdy.control(spdy.SYN_STREAM, struct.pack(">IIH", 1, 0, 0) + packed))
