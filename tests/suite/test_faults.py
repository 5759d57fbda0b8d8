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
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_mesh_is_caught_at_the_right_step(fault: str) -> None:
    caught = FAULTS[fault]
    run = run_suites("--profile", "quick", "--fault", fault, "--bound", "1.5", "-rfE")
    failed = re.findall(r"^FAILED (\S+)", run.stdout, flags=re.MULTILINE)
    assert failed == caught.cases, run.stdout
    assert run.returncode == 1
    for line in caught.lines:
        assert line in run.stdout
    assert "does not conform" in run.stdout
