"""Generated sets are the same for the same seed, and made of everything that is to be compared."""

from __future__ import annotations

import json

from tests.compare.behaviour.policy_sets import LATER, MOST, policy_set
from tests.compare.behaviour.side import POLICIES

SETS = [policy_set(1, number) for number in range(300)]


def test_the_same_seed_gives_the_same_sets() -> None:
    assert [policy_set(1, number) for number in range(20)] == SETS[:20]
    assert [policy_set(2, number) for number in range(20)] != SETS[:20]


def test_a_set_is_one_to_four_policies_each_with_a_name_of_its_own() -> None:
    assert {len(each) for each in SETS} == set(range(1, MOST + 1))
    for each in SETS:
        assert {policy["metadata"]["name"] for policy in each} == {
            f"p{number}" for number in range(len(each))
        }


def test_in_some_sets_names_are_not_in_the_order_of_age() -> None:
    younger = [
        policy for each in SETS for policy in each if LATER in policy["metadata"].get("annotations", {})
    ]
    assert len(younger) > 20
    assert any(policy["metadata"]["name"] == "p0" for policy in younger)


def test_everything_that_is_to_be_compared_is_there() -> None:
    assert {policy["kind"] for each in SETS for policy in each} == POLICIES.keys()
    text = json.dumps(SETS)
    fields = (
        "principals",
        "requestPrincipals",
        "namespaces",
        "serviceAccounts",
        "ipBlocks",
        "remoteIpBlocks",
    )
    operations = ("paths", "methods", "hosts", "ports")
    for field in (*fields, *operations, "trustDomains"):
        assert f'"{field}"' in text
        assert f'"not{field[0].upper()}{field[1:]}"' in text
    for word in (
        "portLevelMtls",
        "targetRefs",
        "istio.io/dry-run",
        "AUDIT",
        "request.auth.claims[nested][role]",
    ):
        assert f'"{word}"' in text
    for text_of_path in ("{**}", "{*}", "ingressgateway", "exportTo", "workloadSelector"):
        assert text_of_path in text
