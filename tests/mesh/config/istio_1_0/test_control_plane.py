"""The files of proxies in the mesh of Istio 1.0, as Envoy sees them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.mesh.config import istio_1_0
from lab.mesh.control_plane.controller import ReferenceMesh
from tests.mesh.cluster import Cluster
from tests.mesh.config.istio_1_0.conftest import OTHER, open_ingress, with_ingress, with_keys
from tests.mesh.config.istio_1_0.declare import MTLS, origin, put_mesh_policy, put_rule
from tests.mesh.validation import assert_envoy_finds_nothing_wrong


def reconciled(cluster: Cluster, folder: Path) -> Path:
    objects: Any = SimpleNamespace(store=cluster.store)
    ReferenceMesh(objects, folder, istio_1_0.API, alter_model=with_keys).reconcile()
    return folder / "proxies"


STRANGE = {
    "jwtHeaders": ["x-a", "X-B"],
    "jwtParams": ["p q", "ä", "]]"],
    "audiences": ["https://us/", '"\\', "--[["],
}


@pytest.mark.parametrize(
    "peers",
    [
        [],
        [MTLS],
        [{"mtls": {"mode": "PERMISSIVE"}}],
        [{"mtls": {"allowTls": True}}, origin("peer", **STRANGE)],
    ],
)
def test_envoy_finds_nothing_wrong(tmp_path: Path, peers: list[dict[str, Any]]) -> None:
    cluster = with_ingress()
    open_ingress(cluster)
    put_mesh_policy(cluster, *peers, origins=[origin(), origin(OTHER, **STRANGE)])
    put_rule(cluster, "*.local", "ISTIO_MUTUAL")
    proxies = reconciled(cluster, tmp_path)
    for uid in ("uid-server-foo", "uid-ingress-istio-system"):
        assert_envoy_finds_nothing_wrong(proxies / uid)
