"""A lab into which somebody will install a mesh: nothing of the reference's is there, the rest works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.lab.test_ingress import apply, code, needs_port_80, until
from tests.e2e.lab.test_playground import Kubectl
from tests.labs import running_lab

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

OUTSIDE = """
apiVersion: v1
kind: Service
metadata: {name: outside}
spec:
  type: LoadBalancer
  selector: {app: httpbin}
  ports: [{port: 80, targetPort: 8080}]
"""


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    with running_lab("--mesh", "none") as kubeconfig:
        yield Kubectl(str(kubeconfig), str(tmp_path_factory.mktemp("bare")))


@pytest.fixture(scope="module")
def httpbin(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    kubectl("create", "ns", "foo")
    kubectl("label", "ns", "foo", "istio-injection=enabled")
    kubectl("apply", "-n", "foo", "-f", "manifests/playground/httpbin.yaml")
    apply(kubectl, tmp_path_factory.mktemp("outside"), OUTSIDE)
    kubectl("wait", "-n", "foo", "--for=condition=Available", "deploy/httpbin", "--timeout=20s")
    return kubectl


def test_no_part_of_a_mesh_is_there(kubectl: Kubectl) -> None:
    assert kubectl("get", "crd", "-o", "name").stdout == ""
    assert "istio-system" not in kubectl("get", "ns", "-o", "name").stdout
    assert kubectl("get", "pods", "-A", "-o", "name").stdout == ""
    refused = kubectl("get", "peerauthentications", "-A", check=False)
    assert 'the server doesn\'t have a resource type "peerauthentications"' in refused.stderr


def test_nothing_is_injected(httpbin: Kubectl) -> None:
    containers = httpbin("get", "pods", "-n", "foo", "-o", "jsonpath={.items[*].spec.containers[*].name}")
    assert containers.stdout == "httpbin"


@needs_port_80
def test_a_load_balancer_answers(httpbin: Kubectl) -> None:
    path = "jsonpath={.status.loadBalancer.ingress[0].ip}"
    host = httpbin("get", "svc", "-n", "foo", "outside", "-o", path).stdout
    assert until(lambda: code(f"http://{host}/ip") == "200")


def test_a_node_port_answers(httpbin: Kubectl) -> None:
    path = "jsonpath={.spec.ports[0].nodePort}"
    port = httpbin("get", "svc", "-n", "foo", "outside", "-o", path).stdout
    assert until(lambda: code(f"http://127.0.0.1:{port}/ip") == "200")
