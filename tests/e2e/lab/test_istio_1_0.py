"""A whole lab with the mesh of Istio 1.0, by the document's commands."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.lab.conftest import ROOT, Home
from tests.e2e.lab.test_ingress import Ingress, code, until
from tests.e2e.lab.test_playground import Kubectl
from tests.labs import short_directory
from tests.mesh.issuer import ISSUER, Issuer

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

RULE = """
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: %s}
spec:
  host: "%s"
  trafficPolicy: {tls: {mode: %s}}
"""
# httpbin decodes what is in the path: a place for keys.
TOKENS = """
apiVersion: authentication.istio.io/v1alpha1
kind: Policy
metadata: {name: jwt-example, namespace: foo}
spec:
  targets: [{name: httpbin}]
  origins:
  - jwt:
      issuer: %s
      jwksUri: http://httpbin.legacy:8000/base64/%s
  principalBinding: USE_ORIGIN
"""
INGRESS = """
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {name: httpbin-gateway, namespace: foo}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: httpbin, namespace: foo}
spec:
  hosts: ["*"]
  gateways: [httpbin-gateway]
  http:
  - route:
    - destination: {host: httpbin.foo.svc.cluster.local, port: {number: 8000}}
"""


@dataclass
class Lab:
    home: Home
    kubectl: Kubectl

    def shell(self, line: str) -> str:
        """What a line of the document prints, and what goes wrong."""
        environment = os.environ | {"KUBECONFIG": self.kubectl.kubeconfig, "HOME": str(self.home.path)}
        done = subprocess.run(
            ["bash", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
        )
        return done.stdout + done.stderr

    def apply(self, text: str) -> None:
        done = self.shell(f"cat <<EOF | kubectl apply -f -\n{text}\nEOF")
        assert "created" in done, done


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with short_directory() as directory:
        home = Home(Path(directory))
        up = home.lab("up", "--mesh", "istio-1.0")
        assert up.returncode == 0, up.stderr
        kubectl = Kubectl(up.stdout.removeprefix("export KUBECONFIG=").strip(), directory)
        kubectl("create", "ns", "foo")
        kubectl("label", "ns", "foo", "istio-injection=enabled")
        kubectl("apply", "-n", "foo", "-f", "manifests/playground/")
        kubectl("create", "ns", "legacy")
        kubectl("apply", "-n", "legacy", "-f", "manifests/playground/httpbin.yaml")
        for namespace in ("foo", "legacy"):
            wait = ("wait", "-n", namespace, "--for=condition=Available", "deploy", "--all")
            kubectl(*wait, "--timeout=20s")
        yield Lab(home, kubectl)
        home.lab("down", "--all")


def test_the_status_tells_the_mesh(lab: Lab) -> None:
    assert "\tmesh istio-1.0\t" in lab.home.lab("status").stdout


def test_there_are_the_kinds_of_its_time_and_no_others(lab: Lab) -> None:
    listed = lab.kubectl("api-resources", "-o", "name").stdout.splitlines()
    assert {name for name in listed if "istio.io" in name or "gateway.networking" in name} == {
        "policies.authentication.istio.io",
        "meshpolicies.authentication.istio.io",
        "destinationrules.networking.istio.io",
        "gateways.networking.istio.io",
        "virtualservices.networking.istio.io",
    }


def test_what_is_there_from_the_start(lab: Lab) -> None:
    for kind in ("policies.authentication.istio.io --all-namespaces", "meshpolicies.authentication.istio.io"):
        assert lab.shell(f"kubectl get {kind}") == "No resources found\n"
    get = "kubectl get destinationrules.networking.istio.io --all-namespaces -o yaml"
    assert lab.shell(f'{get} | grep "host:"').split() == [
        *("host:", "istio-policy.istio-system.svc.cluster.local"),
        *("host:", "istio-telemetry.istio-system.svc.cluster.local"),
    ]


TOKEN = (
    "TOKEN=$(kubectl describe secret $(kubectl get secrets | grep default | cut -f1 -d ' ')"
    " | grep -E '^token' | cut -f2 -d':' | tr -d '\\t')"
)
ASK = (
    "kubectl exec $(kubectl get pod -l app=sleep -n foo -o jsonpath={.items..metadata.name}) -c sleep -n foo"
    ' -- curl https://kubernetes.default/api --header "Authorization: Bearer $TOKEN" --insecure -s'
    ' -o /dev/null -w "%{http_code}\\n"'
)


def test_the_kubernetes_api_is_reached_with_the_token_of_a_secret(lab: Lab) -> None:
    def answer() -> str:
        return lab.shell(f"{TOKEN}; {ASK}")

    def refused() -> bool:
        return answer() == "000\ncommand terminated with exit code 35\n"

    assert answer() == "200\n"
    lab.apply(RULE % ("default", "*.local", "ISTIO_MUTUAL"))
    assert until(refused), answer()
    lab.apply(RULE % ("api-server", "kubernetes.default.svc.cluster.local", "DISABLE"))
    assert until(lambda: answer() == "200\n"), answer()
    deleted = lab.shell("kubectl delete destinationrules default api-server")
    assert deleted.count("deleted") == 2


def test_keys_are_fetched_and_tokens_demanded_through_the_ingress(lab: Lab) -> None:
    lab.apply(INGRESS)
    ingress = Ingress(lab.kubectl)
    url = f"{ingress.host}:{ingress.port}/headers"
    assert until(lambda: code(url) == "200"), code(url)
    issuer = Issuer()
    bearer = ("-H", f"Authorization: Bearer {issuer.token()}")
    keys = base64.urlsafe_b64encode(issuer.rule["jwks"].encode()).decode()
    lab.apply(TOKENS % (ISSUER, keys))
    assert until(lambda: (code(url), code(url, *bearer)) == ("401", "200"))
    deleted = lab.shell("kubectl delete policy jwt-example -n foo")
    assert deleted == 'policy.authentication.istio.io "jwt-example" deleted\n'
    assert until(lambda: code(url) == "200"), code(url)
