from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from lab.kube.client import PODS, SERVICES
from tests.node.real_node import TestNode, on_a_node

CURL = {"image": "curlimages/curl", "command": ["/bin/sleep", "infinity"]}
HTTPBIN = {"image": "docker.io/kong/httpbin:0.1"}
CODE = ("curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}")


@on_a_node
async def test_a_service_forwards_by_every_name_and_by_its_address(node: TestNode) -> None:
    node.namespace("foo")
    address = node.service("httpbin", 8000, 80, namespace="foo")
    node.pod("httpbin", HTTPBIN, namespace="foo")
    node.pod("near", CURL, namespace="foo")
    node.pod("far", CURL)
    await node.ready("httpbin", "near", namespace="foo")
    await node.ready("far")
    await node.endpoints("httpbin", 1, "foo")
    for host in (address, "httpbin.foo", "httpbin.foo.svc", "httpbin.foo.svc.cluster.local"):
        assert await node.exec("far", *CODE, f"http://{host}:8000/ip") == (0, "200"), host
    assert await node.exec("near", *CODE, "http://httpbin:8000/ip", namespace="foo") == (0, "200")
    # The short name is known in its own namespace alone.
    assert await node.exec("far", *CODE, "http://httpbin:8000/ip") == (6, "000")
    pod = node.get("httpbin", "foo")["status"]["podIP"]
    assert await node.exec("far", *CODE, f"http://{pod}/ip") == (0, "200")


@on_a_node
async def test_unknown_names_fail_at_once_and_a_pod_knows_its_own(node: TestNode) -> None:
    node.pod("one", CURL)
    await node.ready("one")
    began = time.monotonic()
    assert (await node.exec("one", "curl", "-s", "http://example.com/"))[0] == 6
    assert time.monotonic() - began < 0.5
    code, found = await node.exec("one", "getent", "hosts", "one")
    assert (code, found.split()) == (0, [node.get("one")["status"]["podIP"], "one"])


@on_a_node
async def test_services_that_come_and_go_are_known_in_pods_that_run_already(node: TestNode) -> None:
    node.pod("one", CURL)
    await node.ready("one")
    for name in ("a-service-with-a-long-name", "b", "c"):
        node.service(name, 80, 80)
    await asyncio.sleep(0.05)
    for name in ("a-service-with-a-long-name", "c"):
        node.objects.delete(SERVICES, "default", name)
    await asyncio.sleep(0.05)
    known = (await node.exec("one", "cat", "/etc/hosts"))[1]
    assert known.splitlines()[3:] == [
        f"{_address(node, 'b')}\tb.default.svc.cluster.local b.default.svc b.default b"
    ]


def _address(node: TestNode, name: str) -> str:
    service = node.objects.store.get(SERVICES, "default", name)
    assert service
    return str(service["spec"]["clusterIP"])


@on_a_node
async def test_a_service_without_endpoints_refuses_at_once(node: TestNode) -> None:
    address = node.service("nobody", 80, 80)
    node.pod("one", CURL)
    await node.ready("one")
    began = time.monotonic()
    for target in ("http://nobody/", f"http://{address}:9999/", "http://10.96.77.77/"):
        assert (await node.exec("one", *CODE, target))[0] == 7, target
    assert time.monotonic() - began < 1


@on_a_node
async def test_a_pod_reaches_itself_through_its_own_service(node: TestNode) -> None:
    node.service("httpbin", 8000, 80)
    node.pod("httpbin", HTTPBIN)
    await node.ready("httpbin")
    await node.endpoints("httpbin", 1)
    for _ in range(3):
        assert await node.exec("httpbin", *CODE, "http://httpbin:8000/ip") == (0, "200")


@on_a_node
async def test_connections_are_spread_over_ready_endpoints_only(node: TestNode) -> None:
    node.service("echo", 8000, 80)
    names = ["echo-1", "echo-2", "echo-3"]
    serve = "cd /tmp; echo $HOSTNAME > name; exec python3 -m http.server 80"
    server = {"image": "curlimages/curl", "command": ["/bin/sh", "-c", serve]}
    is_open = {"tcpSocket": {"port": 80}, "periodSeconds": 1}
    never = {"tcpSocket": {"port": 81}}
    for name, probe in ((names[0], is_open), (names[1], is_open), (names[2], is_open), ("echo-4", never)):
        node.pod(name, server | {"readinessProbe": probe}, labels={"app": "echo"})
    node.pod("one", CURL)
    await node.ready(*names, "one")
    await node.endpoints("echo", 3)
    code, seen = await node.exec(
        "one", "/bin/sh", "-c", "for n in $(seq 60); do curl -s -m 3 http://echo:8000/name; done"
    )
    answers = Counter(seen.split())
    assert code == 0
    assert set(answers) == set(names)
    assert min(answers.values()) > 5, answers


@on_a_node
async def test_a_deleted_endpoint_gets_no_more_connections(node: TestNode) -> None:
    node.service("httpbin", 8000, 80)
    for name in ("httpbin-1", "httpbin-2"):
        node.pod(name, HTTPBIN, labels={"app": "httpbin"})
    node.pod("one", CURL)
    await node.ready("httpbin-1", "httpbin-2", "one")
    await node.endpoints("httpbin", 2)
    node.objects.delete(PODS, "default", "httpbin-1")
    await node.endpoints("httpbin", 1)
    for _ in range(10):
        assert await node.exec("one", *CODE, "http://httpbin:8000/ip") == (0, "200")


@on_a_node
async def test_a_headless_service_is_named_by_its_pods_addresses(node: TestNode) -> None:
    node.service("httpbin", 80, 80, clusterIP="None")
    node.pod("httpbin", HTTPBIN)
    node.pod("one", CURL)
    await node.ready("httpbin", "one")
    await node.endpoints("httpbin", 1)
    address = node.get("httpbin")["status"]["podIP"]
    code, found = await node.exec("one", "getent", "ahostsv4", "httpbin")
    assert code == 0
    assert {line.split()[0] for line in found.splitlines()} == {address}


@on_a_node
async def test_the_images_of_httpbin_serve_where_their_originals_do(node: TestNode) -> None:
    gunicorn = ["gunicorn", "-b", "0.0.0.0:8080", "httpbin:app", "-k", "gevent"]
    node.pod("python", {"image": "kennethreitz/httpbin"})
    node.pod("moved", {"image": "registry.example.com:5000/kong/httpbin:1@sha256:00", "command": gunicorn})
    node.pod("go", {"image": "mccutchen/go-httpbin:v2.15.0"})
    node.pod("go-moved", {"image": "mccutchen/go-httpbin", "env": [{"name": "PORT", "value": "9090"}]})
    node.pod("one", CURL)
    await node.ready("python", "moved", "go", "go-moved", "one")
    headers = {}
    for pod, port in (("python", 80), ("moved", 8080), ("go", 8080), ("go-moved", 9090)):
        url = f"http://{node.get(pod)['status']['podIP']}:{port}/headers"
        code, body = await node.exec("one", "curl", "-s", "-m", "3", "-H", "X-Tag: a", url)
        assert code == 0, pod
        headers[pod] = json.loads(body)["headers"]
    assert headers["python"]["X-Tag"] == headers["moved"]["X-Tag"] == "a"
    assert headers["go"]["X-Tag"] == headers["go-moved"]["X-Tag"] == ["a"]


@on_a_node
async def test_captured_traffic_goes_to_the_proxys_ports(node: TestNode) -> None:
    capture = {"name": "istio-init", "image": "reference-mesh/capture"}
    node.pod("captured", HTTPBIN, initContainers=[capture])
    node.pod("one", CURL)
    await node.ready("captured", "one")
    address = node.get("captured")["status"]["podIP"]
    # No proxy listens: what is captured is refused. What the pod says to itself is not captured.
    assert (await node.exec("one", *CODE, f"http://{address}/ip"))[0] == 7
    assert (await node.exec("captured", *CODE, f"http://{node.get('one')['status']['podIP']}/"))[0] == 7
    assert await node.exec("captured", *CODE, "http://127.0.0.1/ip") == (0, "200")
    listener = "import socket; s = socket.create_server(('', 15006)); c, _ = s.accept(); c.sendall(b'caught')"
    catching = asyncio.create_task(node.exec("captured", "python3", "-c", listener))
    await asyncio.sleep(0.3)
    assert await node.exec("one", "curl", "-s", "-m", "3", "--http0.9", f"http://{address}/ip") in (
        (0, "caught"),
        (56, "caught"),
    )
    assert (await catching)[0] == 0
