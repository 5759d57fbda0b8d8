"""One lab for all tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from fixtures.cluster.client import Cluster
from fixtures.cluster.waiting import Waits
from tests.e2e.safety.estate import CONTEXT, Estate
from tests.labs import running_lab

READY_WITHIN_S = 60


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The cluster of somebody else."""
    with running_lab() as kubeconfig:
        there = Estate.of(kubeconfig, tmp_path_factory.mktemp("estate"))
        cluster = Cluster(there.kubeconfig, CONTEXT, "test")
        Waits(cluster).for_deployments(["istio-system"], READY_WITHIN_S)
        yield there


@pytest.fixture
def cluster(estate: Estate) -> Cluster:
    """The cluster as a run sees it."""
    return Cluster(estate.kubeconfig, CONTEXT, "test")


@pytest.fixture
def untouched(estate: Estate) -> Iterator[None]:
    """Fails if a test leaves the cluster, or the kubeconfig, other than it was."""
    before, text = estate.versions(), estate.kubeconfig.read_text()
    yield
    assert estate.versions() == before
    assert estate.kubeconfig.read_text() == text


Foreign = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def foreign(estate: Estate) -> Foreign:
    """Objects of somebody else, for as long as a context lasts; they must come out of it as they went in."""

    @contextlib.contextmanager
    def there(text: str) -> Iterator[None]:
        with estate.holding(text):
            before = estate.versions()
            yield
            assert estate.versions() == before

    return there
