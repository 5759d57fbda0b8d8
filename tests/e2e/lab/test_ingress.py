"""The ingress gateway of a whole lab, by the document's commands, from the host."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.lab.conftest import Home, gone
from tests.e2e.lab.test_playground import Kubectl
from tests.e2e.lab.test_teardown import layers
from tests.labs import running_lab

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

HTTPBIN_GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: httpbin-gateway}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin}
spec:
  hosts: [%s]
  gateways: [httpbin-gateway]
  http:
  - route:
    - destination: {host: httpbin, port: {number: 8000}}
"""
STRICT = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
"""
SERVICE = ("-n", "istio-system", "get", "service", "istio-ingressgateway", "-o")
MEMORY_LIMIT_KIB = 64 * 1024


@dataclass
class Ingress:
    """The gateway's addresses, as the document finds them."""

    kubectl: Kubectl

    @property
    def host(self) -> str:
        return self.kubectl(*SERVICE, "jsonpath={.status.loadBalancer.ingress[0].ip}").stdout

    @property
    def port(self) -> str:
        return self.kubectl(*SERVICE, 'jsonpath={.spec.ports[?(@.name=="http2")].port}').stdout

    @property
    def node_port(self) -> str:
        return self.kubectl(*SERVICE, 'jsonpath={.spec.ports[?(@.name=="http2")].nodePort}').stdout


def curl(url: str, *arguments: str) -> tuple[str, int]:
    """What it printed and its exit code."""
    done = subprocess.run(["curl", "-s", "-m", "5", url, *arguments], capture_output=True, text=True)
    return done.stdout, done.returncode


def code(url: str, *arguments: str) -> str:
    return curl(url, "-o", "/dev/null", "-w", "%{http_code}", *arguments)[0]


def apply(kubectl: Kubectl, tmp_path: Path, text: str, namespace: str = "foo") -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    kubectl("apply", "-n", namespace, "-f", str(file))


def prepare(kubectl: Kubectl, tmp_path: Path, hosts: str = '"*"') -> None:
    kubectl("create", "ns", "foo")
    kubectl("label", "ns", "foo", "istio-injection=enabled")
    kubectl("apply", "-n", "foo", "-f", "manifests/playground/httpbin.yaml")
    apply(kubectl, tmp_path, HTTPBIN_GATEWAY % hosts)
    for namespace in ("foo", "istio-system"):
        kubectl("wait", "-n", namespace, "--for=condition=Available", "deploy", "--all", "--timeout=20s")


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(scope="module")
def ingress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingress]:
    home = tmp_path_factory.mktemp("ingress")
    with running_lab() as kubeconfig:
        kubectl = Kubectl(str(kubeconfig), str(home))
        prepare(kubectl, home)
        yield Ingress(kubectl)


needs_port_80 = pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's load balancer has no port 80"
)


@needs_port_80
def test_the_documents_request_reaches_httpbin_and_names_the_gateway(ingress: Ingress) -> None:
    url = f"{ingress.host}:{ingress.port}/headers"
    assert ingress.port == "80"
    assert until(lambda: code(url) == "200")
    answer, _ = curl(url, "-i", "-H", "X-Forwarded-Client-Cert: By=me")
    assert re.search(r"^server: istio-envoy\r?$", answer, re.MULTILINE)
    identity = "spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
    assert f"URI={identity}" in answer
    assert "By=me" not in answer


@needs_port_80
def test_strict_mutual_tls_behind_the_gateway_changes_nothing(ingress: Ingress, tmp_path: Path) -> None:
    apply(ingress.kubectl, tmp_path, STRICT)
    time.sleep(0.1)
    assert code(f"{ingress.host}:{ingress.port}/headers") == "200"
    ingress.kubectl("delete", "-n", "foo", "peerauthentication", "default")


@needs_port_80
def test_an_unknown_host_and_then_a_deleted_gateway(ingress: Ingress, tmp_path: Path) -> None:
    url = f"{ingress.host}:{ingress.port}/ip"
    apply(ingress.kubectl, tmp_path, HTTPBIN_GATEWAY % "httpbin.example.com")
    assert until(lambda: code(url) == "404")
    assert curl(url)[0] == ""
    assert code(url, "-H", "Host: httpbin.example.com") == "200"
    assert code(url, "-H", "Host: httpbin.example.com:31380") == "200"
    ingress.kubectl("delete", "-n", "foo", "gateway.networking.istio.io", "httpbin-gateway")
    # Nobody listens in the pod any more; the load balancer in front of it can only reset.
    assert until(lambda: curl(url)[1] == 56)
    apply(ingress.kubectl, tmp_path, HTTPBIN_GATEWAY % '"*"')
    assert until(lambda: code(url) == "200")


@needs_port_80
def test_kubectl_shows_the_address_and_both_kinds_of_gateway(ingress: Ingress) -> None:
    shown = ingress.kubectl("get", "svc", "-n", "istio-system").stdout.split("\n")[1].split()
    assert shown[:2] == ["istio-ingressgateway", "LoadBalancer"]
    assert shown[3] == ingress.host
    assert shown[4] == re.sub(r"\s", "", shown[4])
    assert f"80:{ingress.node_port}/TCP" in shown[4]
    for name in ("gw", "gateways.networking.istio.io"):
        assert "httpbin-gateway" in ingress.kubectl("get", name, "-n", "foo").stdout
    for name in ("gtw", "gateways.gateway.networking.k8s.io"):
        assert "httpbin-gateway" not in ingress.kubectl("get", name, "-n", "foo").stdout
    assert '["httpbin-gateway"]' in ingress.kubectl("get", "vs", "-n", "foo").stdout


def test_the_node_port_leads_there_too_and_keeps_connections(ingress: Ingress) -> None:
    url = f"http://127.0.0.1:{ingress.node_port}/headers"
    assert until(lambda: code(url) == "200")
    shown = ("-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n")
    assert curl(url, *shown, "-o", "/dev/null", url)[0] == "200 1\n200 0\n"
    sent = "x" * 300_000
    body = subprocess.run(
        ["curl", "-s", "-m", "5", "-d", "@-", f"http://127.0.0.1:{ingress.node_port}/post"],
        input=sent,
        capture_output=True,
        text=True,
    ).stdout
    assert sent in body


def test_the_gateway_and_the_host_listener_cost_little_memory(ingress: Ingress) -> None:
    run_dir = str(Path(ingress.kubectl.kubeconfig).parent)
    uid = ingress.kubectl(
        *("get", "pod", "-n", "istio-system", "-l", "istio=ingressgateway"),
        *("-o", "jsonpath={.items[0].metadata.uid}"),
    ).stdout
    sizes = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if (uid in line and "envoy" in line) or ("host_listener.py" in line and run_dir in line):
                    rollup = (entry / "smaps_rollup").read_text()
                    sizes[line.split()[0]] = int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
            except OSError:
                continue
    assert len(sizes) == 2, sizes
    assert sum(sizes.values()) < MEMORY_LIMIT_KIB, sizes


def up(home: Home, name: str) -> Ingress:
    started = home.lab("up", "--name", name)
    assert started.returncode == 0, started.stderr
    kubeconfig = started.stdout.removeprefix("export KUBECONFIG=").strip()
    kubectl = Kubectl(kubeconfig, str(home.path))
    kubectl(*("wait", "-n", "istio-system", "--for=condition=Available", "--timeout=20s"), "deploy", "--all")
    return Ingress(kubectl)


def test_two_labs_run_side_by_side(home: Home) -> None:
    one, two = up(home, "one"), up(home, "two")
    status = home.lab("status").stdout.splitlines()
    assert [line.split("\t")[0] for line in status] == ["one", "two"]
    first, second = home.processes("one"), home.processes("two")
    assert first.keys().isdisjoint(second)
    if os.geteuid() == 0:
        assert until(lambda: bool(one.host and two.host))
        assert one.host != two.host
        asked = [f"{each.host}:15021/healthz/ready" for each in (one, two)]
        assert [code(url) for url in asked] == ["200", "200"]
    ports = [each.node_port for each in (one, two)]
    assert ports[0] != ports[1]
    assert until(lambda: list(map(is_listened_on, ports)) == [True, True])

    left = layers(home, "two")
    home.lab("down", "--name", "one")
    assert gone(list(first))
    assert layers(home, "two") == left
    assert list(map(is_listened_on, ports)) == [False, True]
    if os.geteuid() == 0:
        assert curl(asked[0])[1] == 7
        assert code(asked[1]) == "200"

    os.kill(left["host listener"], signal.SIGKILL)
    assert gone(list(second))
    assert not is_listened_on(ports[1])


def is_listened_on(port: str) -> bool:
    """Whether a connection comes about, if only to be reset: curl takes that for a refusal at times."""
    try:
        with contextlib.suppress(ConnectionResetError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_nothing_listens_after_a_kill(home: Home) -> None:
    port = up(home, "default").node_port
    assert until(lambda: is_listened_on(port))
    running = home.processes()
    os.kill(layers(home)["unshare"], signal.SIGKILL)
    assert gone(list(running))
    assert not is_listened_on(port)


def test_an_ordinary_users_load_balancer_is_pending_and_the_node_port_does(
    ordinary: Home, tmp_path: Path
) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("here every user may listen on port 80")
    ingress = up(ordinary, "default")
    prepare(ingress.kubectl, tmp_path)
    assert until(lambda: code(f"127.0.0.1:{ingress.node_port}/headers") == "200")
    assert ingress.host == ""
    assert "<pending>" in ingress.kubectl("get", "svc", "-n", "istio-system").stdout
    events = ingress.kubectl("get", "events", "-n", "istio-system").stdout
    [warning] = [line for line in events.splitlines() if "SyncLoadBalancerFailed" in line]
    assert "service/istio-ingressgateway" in warning
    assert "cannot be listened on: Permission denied" in warning
