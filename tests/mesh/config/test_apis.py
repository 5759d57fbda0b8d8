"""A policy API is a folder and a line: what the lab does with one that only these tests know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import main
from lab.kube.client import NAMESPACES, PODS, ApiError, GroupResource, Object, Store
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.mesh.config import apis
from lab.mesh.config.apis import APIS
from lab.mesh.control_plane.controller import ReferenceMesh
from tests.mesh.config import toy
from tests.mesh.validation import assert_envoy_finds_nothing_wrong

pytestmark = pytest.mark.reference_only("which policy APIs the reference speaks")

LINE = ("toy", "tests.mesh.config.toy")


@pytest.fixture(autouse=True)
def _line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(apis.FOLDERS, *LINE)


def create(
    writes: Writes, key: GroupResource, kind: str, name: str, namespace: str = "", **rest: Object
) -> Object:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    version = f"{key.group}/v1".lstrip("/")
    obj = {"apiVersion": version, "kind": kind, "metadata": metadata | rest.pop("labelled", {}), **rest}
    return writes.create(key, obj, manager="test")


@pytest.fixture
def writes() -> Writes:
    return Writes(Store(), Scheme())


@pytest.fixture
def mesh(writes: Writes, tmp_path: Path) -> ReferenceMesh:
    mesh = ReferenceMesh(writes, tmp_path, APIS["toy"])
    mesh.install()
    create(writes, NAMESPACES, "Namespace", "foo", labelled={"labels": {"istio-injection": "enabled"}})
    return mesh


def test_its_kinds_are_served_and_its_webhook_is_asked(writes: Writes, mesh: ReferenceMesh) -> None:
    with pytest.raises(ApiError, match="a switch is either on or off"):
        create(writes, toy.SWITCHES, "Switch", "half", "foo", spec={})
    with pytest.raises(ApiError, match=r"spec\.on"):
        create(writes, toy.SWITCHES, "Switch", "wrong", "foo", spec={"on": "yes"})
    assert create(writes, toy.SWITCHES, "Switch", "main", "foo", spec={"on": True})["metadata"]["uid"]


def test_its_policies_arrive_in_the_files_of_proxies(
    writes: Writes, mesh: ReferenceMesh, tmp_path: Path
) -> None:
    container = {"name": "app", "image": "app"}
    pod = create(writes, PODS, "Pod", "server", "foo", spec={"containers": [container]})
    listeners = tmp_path / "proxies" / pod["metadata"]["uid"] / "lds.json"
    mesh.reconcile()
    assert "require_client_certificate" not in listeners.read_text()
    create(writes, toy.SWITCHES, "Switch", "main", "foo", spec={"on": True})
    mesh.reconcile()
    assert "require_client_certificate" in listeners.read_text()
    assert_envoy_finds_nothing_wrong(listeners.parent)


def test_the_command_line_offers_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["up", "--mesh", "toys"]) == 2
    assert "current, istio-1.0, toy, none" in capsys.readouterr().err


def test_faults_may_break_its_sections_and_alter_what_is_declared_in_it() -> None:
    program = f"""
from lab.mesh.config import apis
apis.FOLDERS.update([{LINE}])
from lab.faults import registry
from tests.mesh.config.toy import Switches

@registry.fault("Switching on", document="toy")
def always_on(switches: Switches) -> Switches:
    "Everything is on."
    return switches

print(registry.find("always-on").meshes)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("('toy',)\n", "")


def test_names_of_apis_load_none_of_them() -> None:
    program = "import sys; from lab.mesh.config.apis import APIS; print(*APIS); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names, loaded = done.stdout.splitlines()
    assert names == "current istio-1.0"
    assert "lab.mesh.config.apis" in loaded.split()
    assert not [name for name in loaded.split() if name.startswith(("lab.kube", "lab.mesh.config.current"))]
