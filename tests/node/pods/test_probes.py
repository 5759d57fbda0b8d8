from __future__ import annotations

from tests.node.real_node import TestNode, on_a_node

CURL = {"image": "curlimages/curl", "command": ["/bin/sleep", "infinity"]}
HTTPBIN = {"image": "kong/httpbin"}
FAST = {"periodSeconds": 1}


@on_a_node
async def test_httpbin_is_ready_only_once_its_port_is_open(node: TestNode) -> None:
    node.pod("one", CURL)
    node.pod("httpbin", HTTPBIN)
    await node.ready("one")
    await node.until(lambda: node.get("httpbin")["status"].get("phase") == "Running", "httpbin runs")
    assert not node.is_ready("httpbin")
    await node.ready("httpbin")
    url = f"http://{node.get('httpbin')['status']['podIP']}/ip"
    assert (await node.exec("one", "curl", "-s", "-m", "3", url))[0] == 0


@on_a_node
async def test_readiness_follows_a_command(node: TestNode) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ready"]}, "failureThreshold": 1, **FAST}
    node.pod("one", CURL | {"readinessProbe": probe})
    await node.until(lambda: any("Unhealthy" in e for e in node.events()), "a probe has failed")
    assert "Warning Unhealthy Readiness probe failed: cat: /tmp/ready: No such file or directory\n" in [
        e + "\n" if not e.endswith("\n") else e for e in node.events()
    ]
    assert not node.is_ready("one")
    await node.exec("one", "touch", "/tmp/ready")
    await node.ready("one")
    await node.exec("one", "rm", "/tmp/ready")
    await node.until(lambda: not node.is_ready("one"), "it is no longer ready")


@on_a_node
async def test_readiness_follows_http_answers_and_ports_by_name(node: TestNode) -> None:
    ports = [{"name": "web", "containerPort": 80}]
    good = {"httpGet": {"path": "/status/204", "port": "web"}}
    bad = {"httpGet": {"path": "/status/503", "port": 80}}
    tcp = {"tcpSocket": {"port": 80}}
    closed = {"tcpSocket": {"port": 81}}
    for name, probe in (("good", good), ("bad", bad), ("tcp", tcp), ("closed", closed)):
        node.pod(name, HTTPBIN | {"ports": ports, "readinessProbe": probe})
    await node.ready("good", "tcp")
    address = node.get("closed")["status"]["podIP"]
    refused = f"Warning Unhealthy Readiness probe failed: dial tcp {address}:81: connect: connection refused"
    failed = "Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 503"
    await node.until(lambda: {refused, failed} <= set(node.events()), "both have failed")
    assert not node.is_ready("bad")
    assert not node.is_ready("closed")


@on_a_node
async def test_a_probe_of_a_pod_whose_traffic_is_captured_comes_to_its_proxy(node: TestNode) -> None:
    capture = {"name": "istio-init", "image": "reference-mesh/capture"}
    probe = {"httpGet": {"path": "/ip", "port": 80}}
    node.pod("captured", HTTPBIN | {"readinessProbe": probe}, initContainers=[capture])
    refused = 'Get "http://10.244.0.2:80/ip": dial tcp 10.244.0.2:80: connect: connection refused'
    await node.until(
        lambda: f"Warning Unhealthy Readiness probe failed: {refused}" in node.events(), "it has failed"
    )
    # Nobody listens where the rules lead to. Excluded ports are the application's own.
    capture["args"] = ["-d", "80"]  # type: ignore[assignment]
    node.pod("excluded", HTTPBIN | {"readinessProbe": probe}, initContainers=[capture])
    await node.ready("excluded")


# A server of HTTP/2 as small as can be: whatever is asked of it, the answer is the same.
GRPC_SERVER = """
import socket, sys

def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

def field(name, value):
    return b"\\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

body, code = bytes.fromhex(sys.argv[1]), sys.argv[2].encode()
head = b"\\x88" + field(b"content-type", b"application/grpc")
trailers = field(b"grpc-status", code) + field(b"grpc-message", b"so it is")
server = socket.create_server(("", 9000))
while True:
    client, _ = server.accept()
    stream = client.makefile("rb")
    stream.read(24)
    client.sendall(frame(4, 0, 0, b""))
    asked = False
    while not asked and (start := stream.read(9)):
        stream.read(int.from_bytes(start[:3], "big"))
        if start[3] == 4 and not start[4]:
            client.sendall(frame(4, 1, 0, b""))
        asked = start[3] == 0 and bool(start[4] & 1)
    if asked and body:
        data = b"\\0" + len(body).to_bytes(4, "big") + body
        client.sendall(frame(1, 4, 1, head) + frame(0, 0, 1, data) + frame(1, 5, 1, trailers))
    elif asked:
        client.sendall(frame(1, 5, 1, head + trailers))
    stream.read()
"""


@on_a_node
async def test_readiness_follows_the_health_check_of_grpc(node: TestNode) -> None:
    answers = {
        "serving": ("0801", "0"),
        "not-serving": ("0802", "0"),
        "unknown": ("", "5"),
        "none": ("", "12"),
    }
    for name, answer in answers.items():
        command = {"command": ["python3", "-c", GRPC_SERVER, *answer]}
        node.pod(name, CURL | command | {"readinessProbe": {"grpc": {"port": 9000, "service": "x"}, **FAST}})
    node.pod("closed", CURL | {"readinessProbe": {"grpc": {"port": 9000}, **FAST}})
    await node.ready("serving")
    address = node.get("closed")["status"]["podIP"]
    failures = {
        'service unhealthy (responded with "NOT_SERVING")',
        "error: health rpc probe failed: rpc error: code = NotFound desc = so it is",
        "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): so it is",
        f'timeout: failed to connect service "{address}:9000" within 1s: context deadline exceeded',
    }
    expected = {f"Warning Unhealthy Readiness probe failed: {failure}" for failure in failures}
    await node.until(lambda: expected <= set(node.events()), "all others have failed")
    assert not any(node.is_ready(name) for name in ("not-serving", "unknown", "none", "closed"))


@on_a_node
async def test_a_probe_goes_where_it_says(node: TestNode) -> None:
    node.pod("one", HTTPBIN)
    await node.ready("one")
    elsewhere = {"httpGet": {"path": "/ip", "port": 80, "host": node.get("one")["status"]["podIP"]}}
    unknown = {"tcpSocket": {"port": 80, "host": "one.example"}}
    node.pod("two", CURL | {"readinessProbe": elsewhere})
    node.pod("three", CURL | {"readinessProbe": unknown})
    await node.ready("two")
    failed = "Warning Unhealthy Readiness probe failed: dial tcp: lookup one.example: no such host"
    await node.until(lambda: failed in node.events(), "there is no such host")


@on_a_node
async def test_a_container_that_is_not_alive_is_restarted(node: TestNode) -> None:
    command = ["/bin/sh", "-c", "touch /tmp/alive; sleep infinity"]
    probe = {"exec": {"command": ["cat", "/tmp/alive"]}, "timeoutSeconds": 20, **FAST}
    startup, liveness = probe | {"failureThreshold": 30}, probe | {"failureThreshold": 1}
    probes = {"startupProbe": startup, "livenessProbe": liveness}
    node.pod("one", {"image": "curlimages/curl", "command": command} | probes)
    await node.ready("one")
    await node.exec("one", "rm", "/tmp/alive")
    await node.until(lambda: node.status("one")["restartCount"] == 1, "it is restarted")
    assert "Normal Killing Container app failed liveness probe, will be restarted" in node.events()
    await node.ready("one")


@on_a_node
async def test_a_startup_probe_holds_the_others_back(node: TestNode) -> None:
    startup = {"exec": {"command": ["cat", "/tmp/up"]}, "failureThreshold": 30, **FAST}
    liveness = {"exec": {"command": ["false"]}, "failureThreshold": 1, **FAST}
    node.pod("one", CURL | {"startupProbe": startup, "livenessProbe": liveness})
    await node.until(lambda: any("Startup probe failed" in e for e in node.events()), "it has not started up")
    assert node.status("one")["started"] is False
    assert not any("Liveness" in e for e in node.events())
    await node.exec("one", "touch", "/tmp/up")
    await node.until(lambda: node.status("one")["restartCount"] == 1, "liveness is looked at")
