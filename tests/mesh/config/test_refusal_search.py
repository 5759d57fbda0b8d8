"""What admission takes, no proxy refuses; and if one did, the search for it would find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.golang import regexp
from lab.kube.client import GroupResource
from lab.mesh.envoy import expressions
from tests.mesh.config.refusal_search import BATCH, ISTIO, KINDS, Search

pytestmark = pytest.mark.reference_only("what the reference writes for valid objects")

LOOKAHEAD = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "lookahead", "namespace": "istio-system"},
    "spec": {
        "hosts": ["*"],
        "gateways": ["gw"],
        "http": [
            {"match": [{"uri": {"regex": "/(?=a).*"}}], "route": [{"destination": {"host": "httpbin.foo"}}]}
        ],
    },
}


def test_envoy_takes_what_admission_takes(tmp_path: Path) -> None:
    found = Search(tmp_path, seed=1).run(3 * BATCH)
    assert found.ways == []
    assert found.taken.total() == 3 * BATCH
    assert set(found.taken) <= {key.plural for key in KINDS}
    assert len(found.taken) > 4


def test_what_admission_should_not_have_taken_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressions, "check", lambda _: None)
    monkeypatch.setattr(regexp, "compiled", lambda _: None)
    search = Search(tmp_path, seed=1)
    assert "invalid perl operator: (?=" in search.refusal(
        [(GroupResource(ISTIO, "virtualservices"), LOOKAHEAD)]
    )
    assert search.refusal([]) == ""
