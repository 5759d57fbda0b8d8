"""Custom resources, and the definitions of their kinds."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS, DEPLOYMENTS
from lab.kube.objects import clone
from lab.kube.writing.writes import Writes
from tests.kube.mesh_crd import peer_authentication, peer_authentications
from tests.kube.writing.written import PEERS, refusal


def invalid_causes(writes: Writes, spec: Any) -> list[dict[str, str]]:
    with pytest.raises(ApiError) as caught:
        writes.create(PEERS, peer_authentication(spec), manager="test")
    assert caught.value.code == 422
    assert caught.value.details is not None
    causes: list[dict[str, str]] = caught.value.details["causes"]
    return causes


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"mtls": {"mode": "STRIKT"}},
            "spec.mtls.mode",
            'Unsupported value: "STRIKT": supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"',
        ),
        (
            {"mtls": {"mode": 5}},
            "spec.mtls.mode",
            'Invalid value: "integer": spec.mtls.mode in body must be of type string: "integer"',
        ),
        (
            {"portLevelMtls": {}, "selector": {}},
            "spec.portLevelMtls",
            "Invalid value: 0: spec.portLevelMtls in body should have at least 1 properties",
        ),
        ({"portLevelMtls": {"80": {}}}, "spec", 'Invalid value: "object": portLevelMtls requires selector'),
        (
            {"selector": {"matchLabels": {"app": "toolong"}}},
            "spec.selector.matchLabels.app",
            "Too long: may not be more than 5 bytes",
        ),
        (
            {"weight": 0},
            "spec.weight",
            "Invalid value: 0: spec.weight in body should be greater than or equal to 1",
        ),
        (
            {"weight": 10},
            "spec.weight",
            "Invalid value: 10: spec.weight in body should be less than or equal to 9",
        ),
        ({"hosts": ["a", "b", "c"]}, "spec.hosts", "Too many: 3: must have at most 2 items"),
        (
            {"hosts": ["a\n"]},
            "spec.hosts[0]",
            "Invalid value: \"a\\n\": spec.hosts[0] in body should match '^[a-z]+$'",
        ),
        (
            {"port": True},
            "spec.port",
            'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
        ),
        (
            {"match": {"exact": "a", "prefix": "b"}},
            "<nil>",
            'Invalid value: "": "spec.match" must validate one and only one schema (oneOf).'
            " Found 2 valid alternatives",
        ),
        (
            {"selector": None},
            "spec.selector",
            'Invalid value: "null": spec.selector in body must be of type object: "null"',
        ),
        (None, "spec", 'Invalid value: "null": spec in body must be of type object: "null"'),
    ],
)
def test_a_custom_resource_is_held_to_its_schema(writes, spec, field, message):
    causes = invalid_causes(writes, spec)
    assert (causes[0]["field"], causes[0]["message"]) == (field, message)


def test_oneof_without_any_match_names_what_is_missing(writes):
    causes = invalid_causes(writes, {"match": {}})
    assert [(cause["field"], cause["message"]) for cause in causes] == [
        (
            "<nil>",
            'Invalid value: "": "spec.match" must validate one and only one schema (oneOf). Found none valid',
        ),
        ("spec.match.exact", "Required value"),
    ]


def test_custom_resources_are_defaulted_pruned_and_keep_what_they_may(writes):
    spec = {"mtls": None, "port": "http", "anything": {"deep": [1]}, "unknown": 1, "selector": {"nope": 1}}
    stored = writes.create(PEERS, peer_authentication(spec), manager="test")
    assert stored["spec"] == {
        "mtls": None,
        "port": "http",
        "anything": {"deep": [1]},
        "retries": 3,
        "selector": {},
    }


def test_a_definition_cannot_take_the_place_of_a_built_in_kind(writes):
    definition = peer_authentications()
    definition["metadata"]["name"] = "deployments.apps"
    definition["spec"] |= {"group": "apps", "names": {"kind": "Deployment", "plural": "deployments"}}
    assert refusal(writes, CUSTOM_RESOURCE_DEFINITIONS, definition)[0] == 422
    assert writes.scheme.storage(DEPLOYMENTS).crd == ""


def test_a_definition_keeps_the_scope_of_its_objects(writes):
    changed = clone(
        writes.store.get(CUSTOM_RESOURCE_DEFINITIONS, "", "peerauthentications.security.istio.io")
    )
    changed["spec"]["scope"] = "Cluster"
    with pytest.raises(ApiError, match=r'spec\.scope: Invalid value: "Cluster": field is immutable'):
        writes.update(CUSTOM_RESOURCE_DEFINITIONS, changed, manager="test")


def test_objects_go_with_their_definition(writes):
    writes.create(PEERS, peer_authentication({}), manager="test")
    writes.delete(CUSTOM_RESOURCE_DEFINITIONS, "", "peerauthentications.security.istio.io")
    assert writes.store.list(PEERS) == []
    assert not writes.scheme.knows(PEERS)
