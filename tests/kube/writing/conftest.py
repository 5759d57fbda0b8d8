"""The write pipeline, with two namespaces and a custom resource."""

from __future__ import annotations

import pytest

from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES
from lab.kube.kinds.scheme import Scheme
from lab.kube.store import Store
from lab.kube.writing.writes import Writes
from tests.kube.mesh_crd import CEL_RULES, peer_authentications


@pytest.fixture
def writes() -> Writes:
    scheme = Scheme()
    scheme.cel_rules.update(CEL_RULES)
    writes = Writes(Store(), scheme)
    for name in ("default", "foo"):
        writes.create(NAMESPACES, {"metadata": {"name": name}}, manager="test")
    writes.create(CUSTOM_RESOURCE_DEFINITIONS, peer_authentications(), manager="test")
    return writes
