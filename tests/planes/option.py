"""Which mesh the tests of a mesh's behaviour run on: ``--plane``, and what is left out of a run on Istio.

All of tests/mesh, tests/e2e/sidecars and tests/e2e/transcripts run on both, unless ``reference_only(why)``
marks them.
"""

from __future__ import annotations

import pytest

from tests.planes.differences import Kind, difference
from tests.planes.istio_lab import missing

PLANES: tuple[Kind, ...] = ("reference", "istio")
MARKS = (
    "reference_only(why): what is tested is how the reference mesh is made; not run on Istio",
    "differs(id): not so on Istio, as docs/differences.md says",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("planes")
    group.addoption(
        "--plane",
        choices=PLANES,
        default="reference",
        help="the mesh that its tests (tests/mesh, tests/e2e/sidecars, tests/e2e/transcripts) run on: "
        "reference, or real Istio",
    )


def pytest_configure(config: pytest.Config) -> None:
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def chosen(config: pytest.Config) -> Kind:
    plane: Kind = config.getoption("plane")
    return plane


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if chosen(config) == "reference":
        return
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (left if item.get_closest_marker("reference_only") else kept).append(item)
    reason = missing()
    for item in kept:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        for mark in item.iter_markers("differs"):
            why = str(difference(*mark.args))
            item.add_marker(pytest.mark.xfail(reason=why, strict=True, raises=AssertionError))
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reason = missing() if chosen(config) == "istio" else ""
    if reason:
        terminalreporter.write_line(f"--plane istio is skipped: {reason}", yellow=True)
