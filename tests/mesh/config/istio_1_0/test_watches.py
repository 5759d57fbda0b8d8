"""What a proxy takes of the kernel does not depend on the policies: a lab reserves it before it starts."""

from __future__ import annotations

from pathlib import Path

from lab.host.watch_reserve import A_PROXY
from tests.mesh.config.istio_1_0.declare import MTLS, put_mesh_policy
from tests.mesh.plane import Plane


def inotify_instances(folder: Path) -> dict[str, int]:
    """Of each proxy of a plane, by its bootstrap file."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            mine = [word for word in words if word.startswith(f"{folder}/proxies/")]
            if words[0].endswith("/envoy") and mine:
                links = [str(file.readlink()) for file in (process / "fd").iterdir()]
                found[mine[0]] = links.count("anon_inode:inotify")
        except OSError:
            continue
    return found


def test_the_first_policy_with_mutual_tls_needs_no_more_inotify_instances(plane: Plane) -> None:
    plane.settle()
    before = inotify_instances(plane.folder)
    assert list(before.values()) == [A_PROXY] * 3
    put_mesh_policy(plane.cluster, MTLS)
    plane.settle()
    assert inotify_instances(plane.folder) == before
