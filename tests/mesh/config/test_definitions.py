"""The resource definitions, the rules in them, and what the webhook refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.mesh.config import current
from lab.mesh.config.cel_rules import CEL_RULES

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
    assert set(rules_in(current.API.definitions())) == set(CEL_RULES)


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
    [found] = [meaning for text, meaning in CEL_RULES.items() if fragment in text]
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
