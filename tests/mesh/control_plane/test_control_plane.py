"""Files appear when they have to, whole, private, and only when something has changed for that proxy."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.faults import load
from lab.kube.client import PODS
from lab.mesh.config import current
from lab.mesh.control_plane.controller import ReferenceMesh
from tests.mesh import foreign
from tests.mesh.cluster import Cluster, playground
from tests.mesh.validation import assert_envoy_finds_nothing_wrong

pytestmark = pytest.mark.reference_only("which files the reference writes")


def mesh_of(cluster: Cluster, folder: Path, **options: Any) -> ReferenceMesh:
    objects: Any = SimpleNamespace(store=cluster.store)
    return ReferenceMesh(objects, folder, current.API, **options)


def inodes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.json")}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_only_sidecars_have_files_and_only_their_user_can_read_them(tmp_path: Path) -> None:
    mesh_of(playground(), tmp_path).reconcile()
    folders = list((tmp_path / "proxies").iterdir())
    assert {folder.name for folder in folders} == {
        "uid-httpbin-foo",
        "uid-httpbin-bar",
        "uid-sleep-foo",
        "uid-sleep-bar",
    }
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_policy_changes_only_what_follows_from_it(tmp_path: Path) -> None:
    cluster = playground()
    mesh = mesh_of(cluster, tmp_path)
    mesh.reconcile()
    before = inodes(tmp_path)
    mesh.reconcile()
    assert inodes(tmp_path) == before
    spec = {"selector": {"matchLabels": {"app": "httpbin"}}, "mtls": {"mode": "DISABLE"}}
    cluster.peer("bar", spec)
    mesh.reconcile()
    sidecars = ("httpbin-foo", "httpbin-bar", "sleep-foo", "sleep-bar")
    assert changed(before, inodes(tmp_path)) == {
        "proxies/uid-httpbin-bar/lds.json",
        *(f"proxies/uid-{name}/cds.json" for name in sidecars),
    }


def test_nothing_is_left_of_a_pod_that_is_gone(tmp_path: Path) -> None:
    cluster = playground()
    mesh = mesh_of(cluster, tmp_path)
    mesh.reconcile()
    cluster.store.remove(PODS, "foo", "sleep")
    mesh.reconcile()
    assert not (tmp_path / "proxies" / "uid-sleep-foo").exists()
    assert (tmp_path / "proxies" / "uid-sleep-bar").exists()


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("in vain")


async def test_changes_are_followed_and_certificates_renewed(tmp_path: Path) -> None:
    cluster = playground()
    mesh = mesh_of(cluster, tmp_path, certificate_lifetime=timedelta(seconds=0.2))
    folder = tmp_path / "proxies" / "uid-httpbin-foo"
    running = asyncio.create_task(mesh.run())
    try:
        await eventually((folder / "bootstrap.json").exists)
        secret, listeners = (folder / "sds-default.json").read_bytes(), (folder / "lds.json").read_bytes()
        cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
        await eventually(lambda: (folder / "lds.json").read_bytes() != listeners)
        await eventually(lambda: (folder / "sds-default.json").read_bytes() != secret)
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize("mode", ["STRICT", "PERMISSIVE", "DISABLE"])
def test_envoy_finds_nothing_wrong(tmp_path: Path, mode: str) -> None:
    cluster = playground()
    listed = [
        {"name": "tcp", "port": 9000, "targetPort": 9000},
        {"name": "grpc", "port": 9001, "targetPort": 9001},
        {"name": "", "port": 9090, "targetPort": 9090},
    ]
    cluster.service("more", "foo", "10.96.0.50", listed, ["10.244.0.11"], selector={"app": "httpbin"})
    cluster.service("headless", "foo", "None", listed[2:], ["10.244.0.11"], selector={"app": "httpbin"})
    spec = {"selector": {"matchLabels": {"app": "httpbin"}}, "mtls": {"mode": mode}}
    others = {"9999": {"mode": "STRICT"}, "9998": {"mode": "DISABLE"}, "9997": {"mode": "PERMISSIVE"}}
    cluster.peer("foo", spec | {"portLevelMtls": others})
    certificate, key = foreign.write(tmp_path)
    files = {"clientCertificate": str(certificate), "privateKey": str(key)}
    tls = {"mode": "MUTUAL", "subjectAltNames": ["x"], **files}
    cluster.rule("foo", {"host": "httpbin.legacy.svc.cluster.local", "trafficPolicy": {"tls": tls}})
    mesh_of(cluster, tmp_path).reconcile()
    assert_envoy_finds_nothing_wrong(tmp_path / "proxies" / "uid-httpbin-foo")


@pytest.mark.parametrize("part", ["a", "%", "/", "é"])
def test_certificates_of_however_long_a_path_have_files_of_their_own(tmp_path: Path, part: str) -> None:
    cluster = playground()
    for server in ("httpbin.legacy", "sleep.legacy"):
        files = {name: f"/{part * 150}/{server}.{name}" for name in ("clientCertificate", "privateKey")}
        tls = {"mode": "MUTUAL", "insecureSkipVerify": True, **files}
        spec = {"host": f"{server}.svc.cluster.local", "trafficPolicy": {"tls": tls}}
        cluster.rule("foo", spec, name=server)
    mesh_of(cluster, tmp_path).reconcile()
    secrets = list((tmp_path / "proxies" / "uid-httpbin-foo").glob("sds-file-cert*.json"))
    assert len(secrets) == 2


# What the listener of httpbin.foo holds: (a chain for plain text, XFCC appended).
FAULTS = {
    (): (False, True),
    ("strict-as-permissive",): (True, True),
    ("xfcc-dropped",): (False, False),
    ("strict-as-permissive", "xfcc-dropped"): (True, False),
}


@pytest.mark.parametrize("names", FAULTS)
def test_a_fault_changes_what_it_says(tmp_path: Path, names: tuple[str, ...]) -> None:
    cluster = playground()
    cluster.peer("istio-system", {"mtls": {"mode": "STRICT"}})
    faults = load(names, "current")
    options = {"alter_model": faults.alter_model, "alter_resources": faults.alter_resources}
    mesh_of(cluster, tmp_path, **options).reconcile()
    text = (tmp_path / "proxies" / "uid-httpbin-foo" / "lds.json").read_text()
    assert ("inbound_0.0.0.0_8080-plain" in text, "APPEND_FORWARD" in text) == FAULTS[names]


@pytest.mark.parametrize(("names", "mode"), [((), "plain"), (("port-level-ignored",), "mtls")])
def test_port_level_settings_can_be_ignored(tmp_path: Path, names: tuple[str, ...], mode: str) -> None:
    cluster = playground()
    spec = {"selector": {"matchLabels": {"app": "httpbin"}}, "mtls": {"mode": "STRICT"}}
    cluster.peer("foo", spec | {"portLevelMtls": {"8080": {"mode": "DISABLE"}}})
    faults = load(names, "current")
    mesh_of(cluster, tmp_path, alter_model=faults.alter_model).reconcile()
    text = (tmp_path / "proxies" / "uid-httpbin-foo" / "lds.json").read_text()
    assert [label for label in ("as-is", "mtls") if f"inbound_0.0.0.0_8080-{label}" in text] == (
        ["as-is"] if mode == "plain" else ["mtls"]
    )
