"""The kinds of a cluster with Istio 1.0, and what is refused of its policies: through the real API."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.client import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, ApiError, Object, Store
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes
from lab.mesh.config import istio_1_0
from lab.mesh.config.cel_rules import CEL_RULES
from lab.mesh.config.istio_1_0 import authentication_policy
from tests.mesh.cluster import RULES
from tests.mesh.config.istio_1_0.declare import MTLS, origin, to

API_VERSION = "authentication.istio.io/v1alpha1"


def test_what_is_served() -> None:
    served = {
        definition["metadata"]["name"]: (
            definition["spec"]["scope"],
            definition["spec"]["names"]["singular"],
            [(version["name"], version["storage"]) for version in definition["spec"]["versions"]],
        )
        for definition in istio_1_0.API.definitions()
    }
    authentication, networking = [("v1alpha1", True)], [("v1alpha3", True)]
    assert served == {
        "policies.authentication.istio.io": ("Namespaced", "policy", authentication),
        "meshpolicies.authentication.istio.io": ("Cluster", "meshpolicy", authentication),
        "destinationrules.networking.istio.io": ("Namespaced", "destinationrule", networking),
        "gateways.networking.istio.io": ("Namespaced", "gateway", networking),
        "virtualservices.networking.istio.io": ("Namespaced", "virtualservice", networking),
    }


@pytest.fixture(scope="module")
def api() -> Writes:
    scheme = Scheme()
    scheme.cel_rules.update(CEL_RULES)
    writes = Writes(Store(), scheme)
    for definition in istio_1_0.API.definitions():
        writes.create(CUSTOM_RESOURCE_DEFINITIONS, definition, manager="test")
    for key, review in istio_1_0.API.admission.items():
        writes.review(key, review)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
    writes.create(NAMESPACES, namespace, manager="test")
    return writes


def create(api: Writes, name: str, spec: Any, kind: str = "Policy") -> Object:
    of_mesh = kind == "MeshPolicy"
    metadata = {"name": name} if of_mesh else {"name": name, "namespace": "foo"}
    obj = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
    key = authentication_policy.MESH_KEY if of_mesh else authentication_policy.KEY
    created = api.create(key, obj, manager="test")
    api.delete(key, "" if of_mesh else "foo", name)
    return created


ACCEPTED: list[tuple[str, Any]] = [
    ("default", {}),
    ("default", None),
    ("default", {"peers": [{"mtls": None}]}),
    ("default", {"peers": [MTLS], "origins": [origin()], "principalBinding": "USE_ORIGIN"}),
    ("default", {"principalBinding": "USE_ORIGIN"}),
    ("default", {"origins": [origin("a"), origin("b")], "originIsOptional": True, "peerIsOptional": True}),
    ("default", {"origins": [{"jwt": {"issuer": "https://discovered"}}]}),
    ("any", to("httpbin", peers=[MTLS])),
    ("any", to("httpbin", {"number": 1234}, {"name": "http"})),
    ("default", {"peers": [MTLS], "peer_is_optional": True, "principal_binding": "USE_ORIGIN"}),
    ("default", {"origins": [{"jwt": {"issuer": "a", "jwks_uri": "http://keys/", "jwt_headers": ["x"]}}]}),
]


@pytest.mark.parametrize(("name", "spec"), ACCEPTED)
def test_what_is_accepted_is_kept_as_it_is(api: Writes, name: str, spec: Any) -> None:
    assert create(api, name, spec)["spec"] == spec


def test_the_mesh_policy_is_accepted(api: Writes) -> None:
    assert create(api, "default", {"peers": [MTLS]}, "MeshPolicy")["spec"] == {"peers": [MTLS]}


REFUSED: list[tuple[str, str, Any, str]] = [
    ("MeshPolicy", "other", {}, 'cluster-scoped authentication policy name must be "default", found "other"'),
    ("MeshPolicy", "default", to("httpbin"), "cluster-scoped authentication policy must not have targets"),
    ("Policy", "any", {}, 'authentication policy with no target rules must be named "default", found "any"'),
    ("Policy", "any", {"targets": []}, "with no target rules must be named"),
    (
        "Policy",
        "default",
        to("httpbin"),
        'authentication policy with name "default" must not have any target rules',
    ),
    ("Policy", "x", to("httpbin.foo"), 'target name "httpbin.foo" must be a valid label'),
    ("Policy", "x", to("httpbin.foo.svc.cluster.local"), "must be a valid label"),
    ("Policy", "x", to(""), "must be a valid label"),
    ("Policy", "x", {"targets": [{}]}, "spec.targets[0].name: Required value"),
    ("Policy", "x", to("httpbin", {"number": 0}), "port number 0 must be in the range 1..65535"),
    ("Policy", "x", to("httpbin", {"number": 65536}), "port number 65536 must be in the range 1..65535"),
    ("Policy", "x", to("httpbin", {"name": "a.b"}), 'port name "a.b" must be a valid label'),
    ("Policy", "x", to("httpbin", {}), "a port selector must have a number or a name"),
    ("Policy", "x", to("httpbin", {"name": "a", "number": 1}), "must have a number or a name"),
    ("Policy", "default", {"peers": [{}]}, "a peer authentication method must be either mtls or jwt"),
    ("Policy", "default", {"peers": [{**MTLS, **origin()}]}, "must be either mtls or jwt"),
    ("Policy", "default", {"peers": [{"mtls": {"mode": "DISABLE"}}]}, "Unsupported value: "),
    ("Policy", "default", {"origins": [{}]}, "an origin authentication method must be jwt"),
    ("Policy", "default", {"origins": [{"jwt": {}}]}, "issuer must be set"),
    ("Policy", "default", {"origins": [origin("")]}, "issuer must be set"),
    ("Policy", "default", {"origins": [origin(), origin()]}, "jwt with issuer"),
    ("Policy", "default", {"peers": [origin("a")], "origins": [origin("a")]}, 'jwt with issuer "a" already'),
    ("Policy", "default", {"origins": [origin(audiences=[""])]}, "audience must be non-empty string"),
    (
        "Policy",
        "default",
        {"origins": [origin(jwksUri="ftp://x")]},
        "URI scheme of 'ftp://x' is not",
    ),
    ("Policy", "default", {"origins": [origin(jwksUri="http://[")]}, 'parse "http://[": missing'),
    ("Policy", "default", {"origins": [origin(jwtHeaders=[""])]}, "location header must be non-empty string"),
    ("Policy", "default", {"origins": [origin(jwtHeaders=["a b"])]}, "is not the name of a header"),
    ("Policy", "default", {"origins": [origin(jwtParams=[""])]}, "location query must be non-empty string"),
    ("Policy", "default", {"principalBinding": "USE_BOTH"}, "Unsupported value: "),
    ("Policy", "default", {"principal_binding": "USE_BOTH"}, "Unsupported value: "),
    ("Policy", "default", {"origins": [{"jwt": {"issuer": "a", "jwks_uri": "ftp://x"}}]}, "URI scheme of"),
    (
        "Policy",
        "default",
        {"peerIsOptional": True, "peer_is_optional": False},
        "the field peer_is_optional is given in both spellings",
    ),
    ("MeshPolicy", "default", {"origins": [origin("")]}, "issuer must be set"),
]


@pytest.mark.parametrize(("kind", "name", "spec", "complaint"), REFUSED)
def test_what_is_refused(api: Writes, kind: str, name: str, spec: Any, complaint: str) -> None:
    with pytest.raises(ApiError) as refusal:
        create(api, name, spec, kind)
    assert complaint in refusal.value.message


def test_a_field_that_came_later_is_unknown(api: Writes) -> None:
    """A DestinationRule that was thought to be private would not be."""
    rule: Any = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "DestinationRule",
        "metadata": {"name": "x", "namespace": "foo"},
        "spec": {"host": "httpbin", "exportTo": ["."]},
    }
    resource = api.scheme.storage(RULES)
    with pytest.raises(ApiError, match=r'unknown field "spec\.exportTo"'):
        at_once(api.pipeline.create(resource, "foo", rule, WriteOptions("test", strictness="Strict")))
