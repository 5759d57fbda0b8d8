"""The Gateway API on a whole lab, by kubectl, and by curl from the host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab.conftest import ordinary_home
from tests.e2e.lab.test_playground import Kubectl, _up
from tests.labs import running_lab

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

SAMPLE = "manifests/current/gateway-api/httpbin-gateway.yaml"
WAIT = ("wait", "--for=condition=programmed", "gtw", "-n", "foo", "httpbin-gateway", "--timeout=10s")
ADDRESS = "jsonpath={.status.addresses[0].value}"
PORT = 'jsonpath={.spec.listeners[?(@.name=="http")].port}'


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "-s", "-m", "5", *arguments], capture_output=True, text=True, timeout=10)
    return done.stdout


def code(url: str, *arguments: str) -> str:
    return curl("-o", os.devnull, "-w", "%{http_code}", *arguments, url)


def _foo(kubectl: Kubectl) -> None:
    kubectl("create", "ns", "foo")
    kubectl("label", "ns", "foo", "istio-injection=enabled")
    kubectl("apply", "-n", "foo", "-f", "manifests/playground/httpbin.yaml")
    kubectl("wait", "-n", "foo", "--for=condition=Available", "deploy", "--all", "--timeout=20s")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    with running_lab() as kubeconfig:
        kubectl = Kubectl(str(kubeconfig), str(tmp_path_factory.mktemp("home")))
        _foo(kubectl)
        yield kubectl


@pytest.fixture(scope="module")
def ingress(lab: Kubectl) -> str:
    """The gateway of the document's sample, as the document finds it."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's load balancer has no port 80")
    lab("apply", "-f", SAMPLE)
    lab(*WAIT)
    host = lab("get", "gtw", "httpbin-gateway", "-n", "foo", "-o", ADDRESS).stdout
    port = lab("get", "gtw", "httpbin-gateway", "-n", "foo", "-o", PORT).stdout
    return f"{host}:{port}"


def test_the_class_is_accepted(lab: Kubectl) -> None:
    lab("wait", "--for=condition=Accepted", "gc/istio", "--timeout=5s")


def test_the_document_s_gateway_is_reached_from_the_host(ingress: str) -> None:
    assert code(f"{ingress}/headers") == "200"


def test_the_gateway_speaks_mutual_tls_to_the_mesh(ingress: str) -> None:
    headers = json.loads(curl(f"{ingress}/headers", "-H", "X-Forwarded-Client-Cert: By=forged"))["headers"]
    certificate = headers["X-Forwarded-Client-Cert"]
    if isinstance(certificate, list):
        [certificate] = certificate
    assert "forged" not in certificate
    assert "URI=spiffe://cluster.local/ns/foo/sa/httpbin-gateway-istio" in certificate


def test_columns(lab: Kubectl, ingress: str) -> None:
    header, row = lab("get", "gtw", "-n", "foo").stdout.splitlines()
    assert header.split() == ["NAME", "CLASS", "ADDRESS", "PROGRAMMED", "AGE"]
    assert row.split()[:4] == ["httpbin-gateway", "istio", ingress.partition(":")[0], "True"]


def _route(name: str, *rules: Any, **spec: Any) -> Any:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "foo"},
        "spec": {"parentRefs": [{"name": "httpbin-gateway"}], "rules": list(rules), **spec},
    }


def _to(name: str = "httpbin", namespace: str = "foo", **backend: Any) -> Any:
    return {"name": name, "namespace": namespace, "port": 8000, **backend}


def _prefix(value: str) -> Any:
    return {"path": {"type": "PathPrefix", "value": value}}


RULES = _route(
    "rules",
    {"matches": [_prefix("/missing")], "backendRefs": [_to("missing")]},
    {"matches": [_prefix("/foreign")], "backendRefs": [_to(namespace="default")]},
    {"matches": [_prefix("/nothing")], "backendRefs": [_to(weight=0)]},
    {
        "matches": [_prefix("/part")],
        "backendRefs": [_to(), _to("missing")],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/ip"}},
            }
        ],
    },
    {
        "matches": [_prefix("/away")],
        "filters": [
            {
                "type": "RequestRedirect",
                "requestRedirect": {
                    "hostname": "example.com",
                    "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/there"},
                },
            }
        ],
    },
    {
        "matches": [_prefix("/inside")],
        "backendRefs": [_to()],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {
                    "hostname": "renamed.example.com",
                    "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"},
                },
            },
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {
                    "set": [{"name": "X-Set", "value": "100%"}],
                    "remove": ["X-Gone"],
                },
            },
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"add": [{"name": "X-Answer", "value": "yes"}]},
            },
        ],
    },
    {
        "matches": [
            {
                "path": {"type": "RegularExpression", "value": "/st[a-z]+/20[0-9]"},
                "method": "POST",
                "headers": [{"name": "x-kind", "value": "a"}],
                "queryParams": [{"name": "q", "type": "RegularExpression", "value": "[0-9]+"}],
            }
        ],
        "backendRefs": [_to()],
    },
    hostnames=["rules.example.com"],
)


def _file(lab: Kubectl, obj: Any) -> str:
    path = Path(lab.home) / f"{obj['kind']}.json"
    path.write_text(json.dumps(obj))
    return str(path)


@pytest.fixture(scope="module")
def rules(lab: Kubectl, ingress: str) -> tuple[str, ...]:
    """How to ask for the host that `RULES` is for."""
    lab("apply", "-f", _file(lab, RULES))
    accepted = "--for=jsonpath={.status.parents[0].conditions[0].status}=True"
    lab("wait", "-n", "foo", accepted, "httproute/rules", "--timeout=5s")
    return ("-H", "Host: rules.example.com")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("missing", "500"),
        ("foreign", "500"),
        ("nothing", "500"),
        ("unheard-of", "404"),
        ("missingness", "404"),
        ("inside/ip", "200"),
        ("away", "302"),
    ],
)
def test_what_rules_answer(ingress: str, rules: tuple[str, ...], path: str, status: str) -> None:
    assert code(f"{ingress}/{path}", *rules) == status


def test_other_hosts_have_other_rules(ingress: str, rules: tuple[str, ...]) -> None:
    assert code(f"{ingress}/headers") == "200"
    assert code(f"{ingress}/headers", *rules) == "404"


def test_a_redirect_keeps_the_rest_of_the_path(ingress: str, rules: tuple[str, ...]) -> None:
    where = curl("-o", os.devnull, "-w", "%{redirect_url}", *rules, f"{ingress}/away/now")
    assert where == "http://example.com/there/now"


def test_a_rewrite_and_changed_headers(ingress: str, rules: tuple[str, ...]) -> None:
    answer = curl("-i", *rules, "-H", "X-Gone: 1", f"{ingress}/inside/headers")
    headers, _, body = answer.partition("\n\n")
    assert "x-answer: yes" in headers.lower()
    seen = {name.lower(): value for name, value in json.loads(body)["headers"].items()}
    assert str(seen["x-set"]).strip("[]'") == "100%"
    assert str(seen["host"]).strip("[]'") == "renamed.example.com"
    assert "x-gone" not in seen


def test_every_part_of_a_match_counts(ingress: str, rules: tuple[str, ...]) -> None:
    full = ["-X", "POST", "-H", "X-Kind: a"]
    assert code(f"{ingress}/status/204?q=7", *rules, *full) == "204"
    assert code(f"{ingress}/status/204?q=x", *rules, *full) == "404"
    assert code(f"{ingress}/status/204?q=7", *rules, *full[:2]) == "404"
    assert code(f"{ingress}/status/204?q=7", *rules, *full[2:]) == "404"
    assert code(f"{ingress}/status/304?q=7", *rules, *full) == "404"


def test_a_part_of_the_requests_fails_with_a_backend_that_is_missing(
    ingress: str, rules: tuple[str, ...]
) -> None:
    assert {code(f"{ingress}/part", *rules) for _ in range(40)} == {"200", "500"}


TARGET = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "httpbin-gateway"}


@pytest.mark.parametrize(
    ("attachment", "status"),
    [
        ({"targetRef": TARGET}, "403"),
        ({"targetRefs": [TARGET]}, "403"),
        ({"targetRef": {**TARGET, "name": "another-gateway"}}, "200"),
        ({"selector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "httpbin-gateway"}}}, "403"),
    ],
    ids=["targetRef", "targetRefs", "other gateway", "selector"],
)
def test_policies_are_attached_to_the_gateway(
    lab: Kubectl, ingress: str, attachment: Any, status: str
) -> None:
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "require-token", "namespace": "foo"},
        "spec": {
            **attachment,
            "action": "DENY",
            "rules": [{"from": [{"source": {"notRequestPrincipals": ["*"]}}]}],
        },
    }
    lab("apply", "-f", _file(lab, policy))
    _settles(f"{ingress}/headers", status)
    lab("delete", "-f", _file(lab, policy))
    _settles(f"{ingress}/headers", "200")


def _settles(url: str, status: str) -> None:
    """Within a moment, and then for good."""
    for _ in range(100):
        if code(url) == status:
            break
        time.sleep(0.01)
    assert [code(url) for _ in range(3)] == [status] * 3


def _exists(lab: Kubectl, *what: str) -> bool:
    return bool(lab("get", "-n", "foo", *what, "--ignore-not-found", "-o", "name").stdout)


def test_a_deleted_gateway_leaves_nothing(lab: Kubectl, ingress: str) -> None:
    selector = ("-l", "gateway.networking.k8s.io/gateway-name=httpbin-gateway")
    provisioned = ("deploy,rs,pod,svc,endpointslices,sa", *selector)
    assert _exists(lab, *provisioned)
    lab("delete", "-f", SAMPLE)
    lab("wait", "-n", "foo", "--for=delete", "pod", *selector, "--timeout=10s")
    lab("wait", "-n", "foo", "--for=delete", "deploy,svc,sa", *selector, "--timeout=10s")
    assert not _exists(lab, *provisioned)
    assert code(f"{ingress}/headers") == "000"


# For whoever may not listen on port 80 of the host


@pytest.fixture(scope="module")
def humble() -> Iterator[Kubectl]:
    with ordinary_home() as home:
        kubectl = _up(home)
        _foo(kubectl)
        kubectl("apply", "-f", SAMPLE)
        kubectl("rollout", "status", "-n", "foo", "deploy/httpbin-gateway-istio", "--timeout=10s")
        yield kubectl


def test_an_ordinary_user_s_gateway_says_what_it_lacks_and_is_reached_otherwise(humble: Kubectl) -> None:
    pending = "jsonpath={.status.conditions[?(@.type=='Programmed')].reason}"
    humble("wait", "-n", "foo", f"--for={pending}=AddressNotAssigned", "gtw/httpbin-gateway", "--timeout=5s")
    node_port = "jsonpath={.spec.ports[?(@.port==80)].nodePort}"
    number = humble("get", "svc", "-n", "foo", "httpbin-gateway-istio", "-o", node_port).stdout
    assert code(f"127.0.0.1:{number}/headers") == "200"
    annotate, kind = ("annotate", "-n", "foo", "gtw", "httpbin-gateway"), "networking.istio.io/service-type"
    humble(*annotate, f"{kind}=ClusterIP")
    humble(*WAIT)
    address = humble("get", "gtw", "httpbin-gateway", "-n", "foo", "-o", ADDRESS).stdout
    assert address == "httpbin-gateway-istio.foo.svc.cluster.local"
    humble(*annotate, f"{kind}-")
    humble("wait", "-n", "foo", f"--for={pending}=AddressNotAssigned", "gtw/httpbin-gateway", "--timeout=5s")


def test_an_ordinary_user_s_listener_above_the_privileged_ports(humble: Kubectl) -> None:
    patch = '[{"op": "replace", "path": "/spec/listeners/0/port", "value": 8080}]'
    humble("patch", "gtw", "-n", "foo", "httpbin-gateway", "--type=json", "-p", patch)
    humble(*WAIT)
    host = humble("get", "gtw", "httpbin-gateway", "-n", "foo", "-o", ADDRESS).stdout
    port = humble("get", "gtw", "httpbin-gateway", "-n", "foo", "-o", PORT).stdout
    assert (port, code(f"{host}:{port}/headers")) == ("8080", "200")
