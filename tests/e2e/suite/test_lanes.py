"""Runs of several workers, which share a cluster and do not disturb one another."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tests.e2e.suite.runs import run_suites
from tests.labs import running_lab

TURN = re.compile(
    r"lane (?P<lane>[0-9]) (?P<reach>[A-Z]+) from (?P<begin>[0-9.]+) to (?P<end>[0-9.]+), waited [0-9.]+"
)


@dataclass(frozen=True)
class Turn:
    """When a case looked at the mesh, by the clock of the machine, and how far its policies reached."""

    case: str
    lane: int
    reach: str
    begin: float
    end: float

    def overlaps(self, other: Turn) -> bool:
        return self.lane != other.lane and self.begin < other.end and other.begin < self.end


def turns_of(report: Path) -> list[Turn]:
    """The turns of a run, from the properties of its cases."""
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        properties = {item.get("name"): item.get("value", "") for item in case.iter("property")}
        if turn := TURN.fullmatch(properties.get("turn", "")):
            times = float(turn["begin"]), float(turn["end"])
            found.append(Turn(case.get("name", ""), int(turn["lane"]), turn["reach"], *times))
    return found


def test_two_lanes_on_one_cluster_beside_a_run_on_a_wrong_mesh(tmp_path: Path) -> None:
    """The cluster is a lab that was started by hand, so that it is one that exists."""
    report = tmp_path / "report.xml"
    with running_lab("--playgrounds", "2") as kubeconfig, ThreadPoolExecutor() as both:
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        cluster = ("--target", "cluster", "--kubeconfig", str(kubeconfig), "--context", context)
        options = ("--mesh", "reference", "--suite", "current", "--mode", "quick", "-n", "2")
        two_lanes = both.submit(run_suites, *cluster, *options, "--junitxml", str(report))
        wrong_mesh = ("--fault", "strict-as-permissive", "--bound", "1")
        another_run = both.submit(run_suites, "-k", "mesh-wide-strict", "-x", *wrong_mesh)
        run, other = two_lanes.result(), another_run.result()
    assert run.returncode == 0, run.stdout
    assert other.returncode == 1, other.stdout
    assert "not-conformant: 1 of 1 case failed" in other.stdout

    turns = turns_of(report)
    assert re.search(r"^cases +(\d+) of \1 passed\b", run.stdout, re.MULTILINE)
    assert {turn.lane for turn in turns} == {1, 2}
    alone = [turn for turn in turns if turn.reach == "MESH"]
    assert {turn.case for turn in alone} >= {
        "current/mesh-wide-strict/reachability/mesh-wide-strict",
        "current/mesh-wide-strict/cleanup/cleanup-1",
    }
    assert not [turn for turn in turns if any(map(turn.overlaps, alone))]
    assert {turn.lane for turn in turns if turn.reach == "GATEWAY"} == {1}
    assert [turn for turn in turns if any(map(turn.overlaps, turns))], "the lanes waited for each other"
