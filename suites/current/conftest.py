"""What only this document's sections share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.documented_loop import DocumentedLoop
from fixtures.plugin import BeginLoop
from suites.current.ingress_steps import JWT

PAUSE_S = 10


@pytest.fixture(scope="session")
def documented_loop(begin_loop: BeginLoop) -> Iterator[DocumentedLoop | None]:
    """The document's loop, begun with the request authentication in force; None without real time."""
    with begin_loop(JWT, PAUSE_S) as loop:
        yield loop
