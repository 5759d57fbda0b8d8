"""A lease keeps two runs apart, and a dead run does not keep the next one out for ever."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.client import CoordinationV1Api

from fixtures.cluster.client import Cluster
from fixtures.safety import RunRefused
from fixtures.safety.lease import NAME, Held, Leases, Times
from tests.e2e.safety.conftest import Foreign

QUICK = Times(good_for=1, renewal=0.1)
PATIENCE_S = 10

THEIRS = """
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: mesh-authn-conformance, namespace: default}
spec: {holderIdentity: somebody, leaseDurationSeconds: 1, renewTime: "2020-01-01T00:00:00.000000Z"}
"""


class Told:
    """Whatever is said, and whether the lease was lost."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.lost = threading.Event()

    def say(self, line: str) -> None:
        self.said.append(line)

    def lose(self, _reason: str) -> None:
        self.lost.set()


@contextlib.contextmanager
def held(cluster: Cluster, run: str, times: Times = QUICK) -> Iterator[tuple[Leases, Told]]:
    told, leases = Told(), Leases(cluster, times)
    with leases.hold(run, told.say, told.lose):
        yield leases, told


def read(leases: Leases) -> Held:
    found = leases.read()
    assert found is not None
    return found


@pytest.mark.usefixtures("untouched")
def test_a_lease_is_renewed_as_long_as_it_is_held_and_then_given_back(cluster: Cluster) -> None:
    with held(cluster, "run-1") as (leases, told):
        first = read(leases)
        deadline = time.monotonic() + PATIENCE_S
        while (now := read(leases)).renewed <= first.since + timedelta(seconds=2) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert not now.expired
        assert now.since - first.since < timedelta(seconds=1)
        assert now.run == "run-1"
        assert not told.lost.is_set()
    assert leases.read() is None


@pytest.mark.usefixtures("untouched")
def test_a_second_run_is_refused_and_told_who_is_at_work(cluster: Cluster) -> None:
    with held(cluster, "run-1") as (leases, _):
        first = read(leases)
        with pytest.raises(RunRefused) as refusal, held(cluster, "run-2"):
            pass
        (finding,) = refusal.value.findings
        assert finding.startswith(
            f"another run is in progress: {first.holder} since {first.since:%Y-%m-%d %H:%M:%S} UTC"
        )
        assert finding.endswith("it counts as dead 1 s after its last renewal")
        assert read(leases).run == "run-1"


def aged(cluster: Cluster) -> None:
    """The lease as a run leaves it that died an hour ago."""
    then = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    CoordinationV1Api(cluster.api).patch_namespaced_lease(NAME, "default", {"spec": {"renewTime": then}})


@pytest.mark.usefixtures("untouched")
def test_the_lease_of_a_dead_run_is_taken_over_and_that_is_said(cluster: Cluster) -> None:
    with held(cluster, "dead", Times(good_for=60, renewal=60)) as (_, dead):
        aged(cluster)
        with held(cluster, "run-2") as (leases, told):
            assert read(leases).run == "run-2"
            assert told.said[0].startswith("the run dead has stopped renewing its lease")
    assert not dead.lost.is_set()
    assert leases.read() is None


@pytest.mark.usefixtures("untouched")
def test_a_run_with_a_slow_clock_is_not_taken_for_dead(cluster: Cluster) -> None:
    """Its renewals look old, but they go on."""
    with held(cluster, "slow", Times(good_for=60, renewal=60)):
        aged(cluster)
        ageing = threading.Event()

        def keep_ageing() -> None:
            while not ageing.wait(0.05):
                aged(cluster)

        thread = threading.Thread(target=keep_ageing)
        thread.start()
        try:
            with pytest.raises(RunRefused, match="1 finding"), held(cluster, "run-2"):
                pass
        finally:
            ageing.set()
            thread.join()


@pytest.mark.usefixtures("untouched")
def test_a_run_whose_lease_is_taken_away_is_told(cluster: Cluster) -> None:
    with held(cluster, "run-1") as (leases, told):
        CoordinationV1Api(cluster.api).delete_namespaced_lease(NAME, "default")
        assert told.lost.wait(PATIENCE_S)
        assert leases.read() is None


def test_a_lease_of_that_name_that_is_not_ours_is_left_alone(cluster: Cluster, foreign: Foreign) -> None:
    with (
        foreign(THEIRS),
        pytest.raises(RunRefused) as refusal,
        held(cluster, "run-1"),
    ):
        pass
    assert refusal.value.findings == [
        "the lease default/mesh-authn-conformance was not created by the suite: it lacks its label"
    ]
