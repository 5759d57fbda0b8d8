"""A pytest plugin that leaves of a run so many cases that they want of a cluster all that all of them want.

What a case wants of the API server follows from the kinds and namespaces of the policies that it applies,
from what kind of expectation it is, and from where it asks. What comes new into a suite is chosen by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.cluster.client import read_manifests
from fixtures.model import documents
from fixtures.model.case import Case
from fixtures.model.step import MANIFESTS
from fixtures.pytest_plugin.items import case_of


def wants(case: Case) -> Iterator[object]:
    """What a case asks of the API server that another one may not ask for."""
    step, expectation = case.step, case.expectation
    yield type(expectation), expectation.ingress, step.beside is not None, step.by_age
    for name in (*step.manifests, *expectation.manifests):
        for manifest in read_manifests(MANIFESTS / name):
            yield manifest["apiVersion"], manifest["kind"], manifest["metadata"].get("namespace")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each case stays that wants something which none before it wants."""
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    known = set[object]()
    for item in items:
        case = case_of(item)
        new = {(documents.of(item.path), want) for want in wants(case)} - known if case else {item}
        known |= new
        (kept if new else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept
