"""What nodes of tests are forked from, for as long as there are tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.node.real_node import FORKED


@pytest.fixture(scope="session", autouse=True)
def forked_nodes() -> Iterator[None]:
    yield
    FORKED.close()
