"""The suite fails rightly: each deliberately wrong mesh is caught at the right step and cell."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from tests.suite.runs import run_suites

GRID = "suites/current/test_{}.py::test_reachability[{}]"
MESH_WIDE = GRID.format("3_mesh_wide_strict", "{}")
NARROWER = GRID.format("4_namespace_or_workload", "{}")
HEADER = "suites/current/test_2_auto_mutual_tls.py::test_{}[{}-{}]"

TOKENS = "suites/current/test_5_end_user_authentication.py::test_answers[{}-{}]"
REQUIRED = "suites/current/test_6_require_a_valid_token.py::test_answers[{}-{}]"
CLEANUP = "suites/current/test_6_require_a_valid_token.py::test_cleanup[{}-{}]"


def in_both_apis(case: str, *steps: str) -> list[str]:
    return [case.format(api, step) for api in ("istio", "gateway-api") for step in steps]


@dataclass(frozen=True)
class Caught:
    """What a run against a wrong mesh must say: exactly these cases fail, and these lines are printed."""

    cases: list[str]
    lines: list[str] = field(default_factory=list)


FAULTS = {
    "strict-as-permissive": Caught(
        cases=[
            MESH_WIDE.format("mesh-wide-strict"),
            NARROWER.format("namespace-wide-strict"),
            NARROWER.format("workload-strict"),
            NARROWER.format("port-8080-disabled"),
            NARROWER.format("port-8000-disabled"),
            "suites/current/test_4_namespace_or_workload.py::test_port_that_no_service_binds",
        ],
        lines=[
            "sleep.legacy to httpbin.foo: 200 instead of 000/56",
            "sleep.legacy to httpbin.bar: 200 instead of 000/56",
            "policies in force: manifests/current/strict-mesh.yaml",
        ],
    ),
    "port-level-ignored": Caught(
        cases=[NARROWER.format("port-8080-disabled"), NARROWER.format("policy-precedence")],
        lines=["sleep.legacy to httpbin.bar: 000/56 instead of 200"],
    ),
    "xfcc-dropped": Caught(
        cases=[
            HEADER.format(case, client, server)
            for case in (
                "header_names_both_ends",
                "hash_is_of_the_clients_certificate",
                "forged_header_of_an_application_is_replaced",
            )
            for client in ("foo", "bar")
            for server in ("foo", "bar")
        ],
        lines=["httpbin got: no such header"],
    ),
    "skew-zero": Caught(
        cases=in_both_apis(TOKENS, "clock-skew", "ten-samples"),
        lines=[
            "istio ingress, token exp-59-ago, /headers: 401 instead of 200",
            "gateway-api ingress, token nbf-in-59, /headers: 401 instead of 200",
            "istio ingress, token after-10, /headers: 401 instead of 200",
        ],
    ),
    "bad-token-accepted": Caught(
        cases=[
            *in_both_apis(
                TOKENS,
                *(
                    "key-set-inline",
                    "one-audience",
                    "jwt-example",
                    "other-tokens",
                    "clock-skew",
                    "ten-samples",
                ),
            ),
            *in_both_apis(REQUIRED, "require-a-valid-token", "require-valid-tokens-per-path"),
        ],
        lines=["istio ingress, token deadbeef, /headers: 200 instead of 401"],
    ),
    "unauthenticated-swapped": Caught(
        cases=[
            *in_both_apis(
                TOKENS,
                *(
                    "key-set-inline",
                    "one-audience",
                    "jwt-example",
                    "other-tokens",
                    "clock-skew",
                    "ten-samples",
                ),
            ),
            *in_both_apis(REQUIRED, "require-a-valid-token", "require-valid-tokens-per-path"),
            *in_both_apis(CLEANUP, "cleanup-3-authentication"),
        ],
        lines=[
            "istio ingress, token deadbeef, /headers: 403 instead of 401",
            "gateway-api ingress, token none, /headers: 401 instead of 403",
        ],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_mesh_is_caught_at_the_right_step(fault: str) -> None:
    caught = FAULTS[fault]
    run = run_suites("--suite", "current", "--profile", "quick", "--fault", fault, "--bound", "1", "-rfE")
    failed = re.findall(r"^FAILED (\S+)", run.stdout, flags=re.MULTILINE)
    assert failed == caught.cases, run.stdout
    assert run.returncode == 1
    for line in caught.lines:
        assert line in run.stdout
    assert "does not conform" in run.stdout
