"""What one lane does, the other one does not see; and what is said of a lane is true of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.curl import Request
from fixtures.errors import NotConformant
from fixtures.grid import Grid
from fixtures.header import settles_to_header
from fixtures.lanes.turns import SharedTurns
from fixtures.outcome import Outcome
from fixtures.settle import Bound
from fixtures.xfcc import ClientCertificate
from suites.current.steps import MESH_WIDE_STRICT, NAMESPACE_WIDE_STRICT, SETUP
from tests.lanes.conftest import OnLab

Lanes = tuple[OnLab, OnLab]

CERTIFICATE = ClientCertificate(
    by="spiffe://cluster.local/ns/bar/sa/httpbin",
    hash=None,
    subject="",
    uri="spiffe://cluster.local/ns/foo/sa/sleep",
)


def test_a_policy_of_one_lane_does_nothing_in_the_other(lanes: Lanes) -> None:
    first, second = lanes
    first.policies.enforce(SETUP)
    first.playground.settles_to(SETUP.grid)
    second.policies.enforce(NAMESPACE_WIDE_STRICT)
    second.playground.settles_to(NAMESPACE_WIDE_STRICT.grid)
    assert first.playground.look(SETUP.grid) == SETUP.grid
    first.policies.enforce(NAMESPACE_WIDE_STRICT)
    first.playground.settles_to(NAMESPACE_WIDE_STRICT.grid)
    second.policies.enforce(SETUP)
    second.playground.settles_to(SETUP.grid)
    assert first.playground.look(NAMESPACE_WIDE_STRICT.grid) == NAMESPACE_WIDE_STRICT.grid


def test_policies_of_another_lane_are_not_those_of_others(lanes: Lanes) -> None:
    first, second = lanes
    second.policies.enforce(NAMESPACE_WIDE_STRICT)
    assert first.policies.found("PeerAuthentication") == []
    (found,) = second.policies.found("PeerAuthentication")
    assert found["metadata"]["namespace"] == "foo-2"


def test_the_header_names_the_ends_in_the_lane(lanes: Lanes) -> None:
    for lane in lanes:
        lane.policies.enforce(SETUP)
        settles_to_header(lane.playground, "foo", "bar", CERTIFICATE)


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
    second.policies.enforce(NAMESPACE_WIDE_STRICT)
    second.playground.settles_to(NAMESPACE_WIDE_STRICT.grid)
    monkeypatch.setattr(second.playground, "bound", Bound(0.2))
    with pytest.raises(NotConformant) as of_grid:
        second.playground.settles_to(Grid.parse(WRONG))
    with pytest.raises(NotConformant) as of_request:
        second.playground.settles_to_outcome("legacy", Request("http://httpbin.foo:8000/ip"), Outcome(503))
    assert "sleep.legacy-2 to httpbin.foo-2: 000/56 instead of 503" in str(of_grid.value)
    assert "foo     bar\n" not in str(of_grid.value)
    for finding in (of_grid, of_request):
        (command,) = re.findall("kubectl .*", str(finding.value))
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
    second.policies.enforce(MESH_WIDE_STRICT)
    second.playground.settles_to(MESH_WIDE_STRICT.grid)
    dies(second.policies.turns)
    first.policies.enforce(SETUP)
    assert first.cluster.find("security.istio.io/v1beta1", "PeerAuthentication") == []
    first.playground.settles_to(SETUP.grid)


def dies(turns: SharedTurns) -> None:
    """The kernel closes the files of a process that dies."""
    for lock in (turns._door, turns._gateway, turns._mesh):
        lock.close()
