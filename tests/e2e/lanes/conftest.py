"""Two lanes on one lab, as two workers of a run have them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fixtures.cluster.client import Cluster
from fixtures.cluster.images import Substitution
from fixtures.cluster.policies import Policies
from fixtures.cluster.turns import Alone
from fixtures.cluster.waiting import Waits
from fixtures.cluster.workloads import Workloads
from fixtures.mesh_profile import profile as profiles
from fixtures.mesh_profile.programs import Surroundings
from fixtures.model.case import Case
from fixtures.model.document import CURRENT
from fixtures.model.lane import Lane
from fixtures.model.step import Step
from fixtures.playground.places import Places
from fixtures.playground.playground import Playground
from fixtures.probing.settle import Bound
from fixtures.proving.observation import Observation
from fixtures.proving.prover import Prover
from fixtures.proving.setting import Setting
from fixtures.tokens.issuer import Issuer
from tests.labs import running_lab

NO_POLICIES = Step("no-policies", CURRENT.section("Setup"))


@dataclass(frozen=True)
class OnLab:
    """What a worker has of its lane."""

    policies: Policies
    playground: Playground
    cluster: Cluster
    kubeconfig: Path
    prover: Prover

    def sees(self, step: Step) -> Observation:
        """What comes of the first thing that is expected in a step, once the step is enforced."""
        (seen,) = self.prover.prove([Case(step, step.expect[0])]).values()
        assert isinstance(seen, Observation), seen
        return seen


def on_lab(kubeconfig: Path, number: int) -> OnLab:
    """A lane with its playground ready, and no policy in force."""
    profile = profiles.load("reference")
    context = yaml.safe_load(kubeconfig.read_text())["current-context"]
    cluster = Cluster(kubeconfig, context, "test", Lane(number))
    policies = Policies(cluster, profile, Issuer())
    surroundings = Surroundings(kubeconfig, context, profile.root_namespace, profile.folder)
    workloads = Workloads(profile.join, profile.outside, Substitution(profile.images, {}), surroundings)
    waits = Waits(cluster)
    playground = Playground(cluster, profile, workloads, waits)
    playground.set_up()
    setting = Setting(cluster, profile, policies, playground, Places(cluster, profile, policies, waits))
    return OnLab(policies, playground, cluster, kubeconfig, Prover(setting, Bound(5)))


@pytest.fixture(scope="session")
def lab() -> Iterator[tuple[OnLab, OnLab]]:
    """The first and the second lane."""
    with running_lab() as kubeconfig, ThreadPoolExecutor() as both:
        lanes = both.map(lambda number: on_lab(kubeconfig, number), (1, 2))
        first, second = lanes
        yield first, second
        for lane in (first, second):
            lane.prover.close()
            lane.playground.close()


@pytest.fixture
def lanes(lab: tuple[OnLab, OnLab]) -> Iterator[tuple[OnLab, OnLab]]:
    """Both lanes, without policies."""
    yield lab
    for lane in lab:
        lane.policies.turns = Alone()
        lane.policies.enforce(NO_POLICIES)
