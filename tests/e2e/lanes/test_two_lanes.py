"""What one lane does, the other one does not see; and what is said of a lane is true of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.cluster.turns import SharedTurns
from fixtures.expectations import Answered, NamesBothEnds, Reachability
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from fixtures.probing.settle import Bound
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_BOTH, LEGACY_REFUSED_BY_FOO
from tests.e2e.lanes.conftest import OnLab

Lanes = tuple[OnLab, OnLab]


SECTION = CURRENT.section("Setup")
SETUP = Step("setup", SECTION, expect=[Reachability(ALL_REACHABLE)])
MESH_WIDE_STRICT = Step(
    "mesh-wide-strict", SECTION, ["current/strict-mesh.yaml"], expect=[Reachability(LEGACY_REFUSED_BY_BOTH)]
)
NAMESPACE_WIDE_STRICT = Step(
    "namespace-wide-strict",
    SECTION,
    ["current/strict-foo.yaml"],
    expect=[Reachability(LEGACY_REFUSED_BY_FOO)],
)


def test_a_policy_of_one_lane_does_nothing_in_the_other(lanes: Lanes) -> None:
    first, second = lanes
    assert first.sees(SETUP).settled
    assert second.sees(NAMESPACE_WIDE_STRICT).settled
    assert first.sees(SETUP).settled
    assert first.sees(NAMESPACE_WIDE_STRICT).settled
    assert second.sees(SETUP).settled
    assert first.sees(NAMESPACE_WIDE_STRICT).settled


def test_policies_of_another_lane_are_not_those_of_others(lanes: Lanes) -> None:
    first, second = lanes
    second.policies.enforce(NAMESPACE_WIDE_STRICT)
    assert first.policies.found("PeerAuthentication") == []
    (found,) = second.policies.found("PeerAuthentication")
    assert found["metadata"]["namespace"] == "foo-2"


def test_the_header_names_the_ends_in_the_lane(lanes: Lanes) -> None:
    step = Step("header", SECTION, expect=[NamesBothEnds("foo", "bar")])
    for lane in lanes:
        seen = lane.sees(step)
        assert seen.settled
        foo = lane.playground.lane.namespace("foo")
        assert f"URI=spiffe://cluster.local/ns/{foo}/sa/sleep" in seen.observed
        assert "/ns/foo/sa/sleep" in seen.row()["observed"]


WRONG = """
            foo     bar
    foo     200     200
    legacy  503     200
"""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")
def test_the_commands_of_a_finding_repeat_it_in_its_lane(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second = lanes
    monkeypatch.setattr(second.prover, "bound", Bound(0.2))
    request = Answered(("legacy",), "http://httpbin.foo:8000/ip", "503")
    wrong = Step("wrong", SECTION, ["current/strict-foo.yaml"], expect=[Reachability(WRONG), request])
    alone = Step("alone", SECTION, ["current/strict-foo.yaml"], expect=[request])
    for step in (wrong, alone):
        text = str(second.prover.finding(second.sees(step)))
        assert "sleep.legacy-2 to httpbin.foo-2: 000/56 instead of 503" in text
        assert "foo     bar\n" not in text
        (command,) = re.findall("kubectl .*", text)
        environment = {**os.environ, "KUBECONFIG": str(second.kubeconfig)}
        run = subprocess.run(
            ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
        )
        assert run.stdout == "000\n"
        assert "exit code 56" in run.stderr


def test_what_a_lane_that_died_left_in_force_is_removed_first(lanes: Lanes, tmp_path: Path) -> None:
    first, second = lanes
    for lane in lanes:
        lane.policies.turns = SharedTurns(tmp_path, lane.playground.lane.number, lane.policies.tidy)
    assert second.sees(MESH_WIDE_STRICT).settled
    assert isinstance(second.policies.turns, SharedTurns)
    dies(second.policies.turns)
    first.policies.enforce(SETUP)
    assert first.cluster.find("security.istio.io/v1beta1", "PeerAuthentication") == []
    assert first.sees(SETUP).settled


def dies(turns: SharedTurns) -> None:
    """The kernel closes the files of a process that dies."""
    for lock in (turns._door, turns._mesh):
        lock.close()
