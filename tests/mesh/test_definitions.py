"""The resource definitions, the rules in them, and what the webhook refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube.store import Denied
from lab.mesh import crds, current
from lab.mesh.networking.destination_admission import validate_destination_rule

pytestmark = pytest.mark.reference_only("the definitions that the reference brings itself")


def rules_in(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for rule in tree.get("x-kubernetes-validations", ()):
            yield rule["rule"]
        for value in tree.values():
            yield from rules_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from rules_in(value)


def test_every_rule_in_the_definitions_is_known_and_no_other() -> None:
    assert set(rules_in(current.API.definitions())) == set(crds.CEL_RULES)


CURRENT, ALL_ISTIO = (
    [("v1", True), ("v1beta1", False)],
    [("v1", True), ("v1beta1", False), ("v1alpha3", False)],
)
NEWER = [("v1beta1", True), ("v1", False)]


def test_what_is_served() -> None:
    served = {
        definition["metadata"]["name"]: (
            definition["spec"]["names"].get("shortNames"),
            [(each["name"], each["storage"]) for each in definition["spec"]["versions"]],
            [each["name"] for each in definition["spec"]["versions"][0].get("additionalPrinterColumns", ())],
        )
        for definition in current.API.definitions()
    }
    security, networking, gateway = "security.istio.io", "networking.istio.io", "gateway.networking.k8s.io"
    assert served == {
        f"authorizationpolicies.{security}": (["ap"], CURRENT, ["Action", "Age"]),
        f"requestauthentications.{security}": (["ra"], CURRENT, []),
        f"peerauthentications.{security}": (["pa"], CURRENT, ["Mode", "Age"]),
        f"destinationrules.{networking}": (["dr"], ALL_ISTIO, ["Host", "Age"]),
        f"gateways.{networking}": (["gw"], ALL_ISTIO, ["Age"]),
        f"virtualservices.{networking}": (["vs"], ALL_ISTIO, ["Gateways", "Hosts", "Age"]),
        f"gatewayclasses.{gateway}": (["gc"], CURRENT, ["Controller", "Accepted", "Age", "Description"]),
        f"gateways.{gateway}": (["gtw"], CURRENT, ["Class", "Address", "Programmed", "Age"]),
        f"httproutes.{gateway}": (None, CURRENT, ["Hostnames", "Age"]),
        f"referencegrants.{gateway}": (["refgrant"], NEWER, ["Age"]),
    }


SELECTOR = {"matchLabels": {"app": "httpbin"}}


def rule(fragment: str) -> Any:
    [found] = [meaning for text, meaning in crds.CEL_RULES.items() if fragment in text]
    return found


@pytest.mark.parametrize(
    ("fragment", "value", "holds"),
    [
        ("portLevelMtls", {}, True),
        ("portLevelMtls", {"portLevelMtls": {"80": {}}}, False),
        ("portLevelMtls", {"portLevelMtls": {"80": {}}, "selector": {}}, False),
        ("portLevelMtls", {"portLevelMtls": {"80": {}}, "selector": {"matchLabels": {}}}, False),
        ("portLevelMtls", {"portLevelMtls": {"80": {}}, "selector": SELECTOR}, True),
        ("int(key)", {"1": {}, "65535": {}}, True),
        ("int(key)", {"0": {}}, False),
        ("int(key)", {"65536": {}}, False),
        ("int(key)", {"http": {}}, False),
        ("!self.contains", "v1", True),
        ("!self.contains", "v*", False),
        ("!key.contains", {"app": "x"}, True),
        ("!key.contains", {"*": "x"}, False),
        ("key.size()", {"": "x"}, False),
        ("key.size()", {"app": "x"}, True),
        ("duration(self) >=", "1ms", True),
        ("duration(self) >=", "1h30m", True),
        ("duration(self) >=", "1.5s", True),
        ("duration(self) >=", "2562047h", True),
        ("duration(self) >=", "2562048h", False),
        ("duration(self) >=", "999us", False),
        ("duration(self) >=", "-1s", False),
        ("duration(self) >=", "10", False),
        ("duration(self) >=", "", False),
    ],
)
def test_rules_in_words_of_their_own(fragment: str, value: Any, holds: bool) -> None:
    assert rule(fragment)(value) is holds


def destination(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", "namespace": "foo"}, "spec": {"host": "httpbin", **spec}}


def pool(**settings: Any) -> dict[str, Any]:
    return destination(trafficPolicy={"connectionPool": settings})


def tls(**settings: Any) -> dict[str, Any]:
    return {"trafficPolicy": {"tls": settings}}


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (destination(host=""), "domain name too short"),
        (destination(host="no spaces.please"), "invalid host"),
        (destination(host="a.*.b"), "invalid host"),
        (destination(**tls(mode="MUTUAL")), "client certificate required for mutual tls"),
        (destination(**tls(mode="MUTUAL", clientCertificate="/c")), "private key required for mutual tls"),
        (destination(**tls(mode="MUTUAL", credentialName="x", privateKey="/k")), "credentialName is set"),
        (destination(trafficPolicy={"portLevelSettings": [{"port": {"number": 0}}]}), "range 1..65535"),
        (destination(trafficPolicy={"portLevelSettings": [{}]}), "must have valid port"),
        (destination(trafficPolicy={"portLevelSettings": [{"port": {"name": "x"}}]}), "must have valid port"),
        (destination(trafficPolicy={"portLevelSettings": [{"port": {"number": 80}}]}), "at least one field"),
        (destination(trafficPolicy={}), "traffic policy must have at least one field"),
        (destination(trafficPolicy={"portLevelSettings": []}), "traffic policy must have at least one field"),
        (pool(), "connection pool must have at least one field"),
        (pool(http={"maxRetries": -1}), "max retries must be non-negative"),
        (pool(tcp={"maxConnections": -1}), "max connections must be non-negative"),
        (destination(subsets=[{"name": "v1"}, {"name": "v1"}]), "duplicate subset names: v1"),
        (
            destination(**tls(mode="SIMPLE", insecureSkipVerify=True, subjectAltNames=["a.test"])),
            "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify",
        ),
        (
            destination(**tls(mode="MUTUAL", insecureSkipVerify=True, caCertificates="/ca")),
            "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true",
        ),
        (destination(**tls(mode="ISTIO_MUTUAL", sni="x" * 256)), "no more than 255 characters"),
        (destination(subsets=[{"name": "not_a_label"}]), "subset name is invalid"),
        (destination(exportTo=["a/b"]), "is not a namespace"),
    ],
)
def test_a_destination_rule_that_no_proxy_could_obey_is_refused(refused: dict[str, Any], why: str) -> None:
    with pytest.raises(Denied, match=why) as denied:
        validate_destination_rule(refused, None)
    assert denied.value.webhook == "validation.istio.io"


@pytest.mark.parametrize(
    "accepted",
    [
        destination(),
        destination(host="*"),
        destination(host="*.local"),
        destination(host="httpbin.foo.svc.cluster.local", **tls(mode="ISTIO_MUTUAL")),
        destination(**tls(mode="MUTUAL", clientCertificate="/c", privateKey="/k")),
        destination(**tls(mode="MUTUAL", credentialName="x")),
        destination(**tls(mode="SIMPLE", insecureSkipVerify=True)),
        destination(**tls(mode="MUTUAL", insecureSkipVerify=True, credentialName="x")),
        pool(tcp={}),
        destination(exportTo=[".", "*", "bar"]),
        # Of the wrong shape: the schema's business.
        destination(trafficPolicy="text", subsets={"a": 1}, exportTo=3),
        {"metadata": {}, "spec": []},
    ],
)
def test_everything_else_is_left_alone(accepted: dict[str, Any]) -> None:
    assert validate_destination_rule(accepted, None) is accepted
