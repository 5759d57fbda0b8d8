"""Gateways that come late, or are not reached as one would like: no finding, and no time but the mesh's."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.report.conclusion import grids_of
from tests.e2e.suite.runs import run_suites

OWN_TIME_S = 1.0
"""A connect timeout of the suite; the reference mesh needs a tenth of it."""

AT_AN_INGRESS = "test_answers and key-set-inline or test_answers and exposed and gateway-api"

needs_port_80 = pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's load balancer has no port 80, and so no address"
)


def grids(reports: Path) -> list[dict[str, Any]]:
    """Of all cases at an ingress that ran."""
    report = yaml.safe_load((reports / "conformance-report.yaml").read_text())
    return [grid for case in report["cases"] if "/answers/" in case["id"] for grid in grids_of(case)]


Came = tuple[subprocess.CompletedProcess[str], Path]
"""A run that is over, and its reports."""


@pytest.fixture(scope="module")
def without_load_balancers(tmp_path_factory: pytest.TempPathFactory) -> Came:
    reports = tmp_path_factory.mktemp("without") / "reports"
    chosen = f"{AT_AN_INGRESS} or gateway_is_programmed or mesh-wide-strict and reachability"
    options = ("--suite", "current", "--fault", "no-load-balancers", "-k", chosen)
    return run_suites(*options, reports=reports), reports


@needs_port_80
def test_looking_for_an_address_is_no_part_of_the_time_to_settle(without_load_balancers: Came) -> None:
    looked_for_an_address(without_load_balancers, r"the Service gets no address within 5 s")


@needs_port_80
def test_nor_is_trying_to_reach_it(tmp_path: Path) -> None:
    options = ("--suite", "current", "--fault", "load-balancers-unreachable", "-k", AT_AN_INGRESS)
    run = run_suites(*options, reports=tmp_path / "reports")
    reason = r"the load balancer's address 127\.\S+ takes no connection within 5 s"
    looked_for_an_address((run, tmp_path / "reports"), reason)


def looked_for_an_address(came: Came, reason: str) -> None:
    run, reports = came
    assert run.returncode == 0, run.stdout
    for api in ("istio", "gateway-api"):
        assert matches(rf"^observed +the {api} ingress is reached by node port \({reason}\)$", run.stdout)
    seen = grids(reports)
    assert len(seen) == 3
    times = [grid["settleSeconds"] for grid in seen if "settleSeconds" in grid]
    assert times
    assert max(times) < OWN_TIME_S


def test_without_a_load_balancer_a_run_is_partial_and_says_how_to_bring_one(
    without_load_balancers: Came,
) -> None:
    run, _ = without_load_balancers
    assert run.returncode == 0, run.stdout
    why = r"the Service foo/httpbin-gateway-istio gets no address in this cluster: a load balancer"
    assert matches(
        rf"^skipped +1 case: {why}, such as cloud-provider-kind or MetalLB, would assign", run.stdout
    )
    assert matches(r"^conclusion +partial: 4 of 175 cases passed", run.stdout)


def test_a_gateway_that_comes_late_is_waited_for_by_a_case_alone() -> None:
    run = run_suites("--fault", "gateways-come-late", "-k", "gateway-api-exposed")
    assert run.returncode == 0, run.stdout
    assert matches(r"^cases +.*1 of 1 passed", run.stdout)


def test_a_gateway_that_comes_late_is_waited_for_in_any_order() -> None:
    """With steps in between that have no gateway, so that it is deleted and made again."""
    chosen = "gateway-api and test_5 or cleanup-2 or namespace-wide-strict"
    options = ["--suite", "current", "--mode", "quick", "--shuffle", "3", "-k", chosen]
    run = run_suites(*options, "--fault", "gateways-come-late")
    assert run.returncode == 0, run.stdout


def matches(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.MULTILINE))
