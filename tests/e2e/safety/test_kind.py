"""The kind target, with programs in place of kind, docker, istioctl and kubectl that write down their calls.

What this proves is what is asked of these programs, in which order and in which surroundings, and that
everything is undone. No kind cluster is made: the "cluster" is the lab that the other tests use.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.mesh_profile.profile import MESHES, load
from fixtures.mesh_profile.programs import MissingProgram
from fixtures.model.errors import HarnessError
from fixtures.safety.footprint import lanes
from fixtures.targets import kind, kubeconfig
from tests import suite_runs
from tests.e2e.safety.estate import CONTEXT, ROOT, Estate

DIGEST = "sha256:599fe5e5073102dbb0ee3dbb65f049dab44fa9fc251f6835c9990f8fb196a72b"
HTTPBIN = f"docker.io/kennethreitz/httpbin@{DIGEST}"
CURL = (
    "docker.io/curlimages/curl:8.21.0@sha256:7c12af72ceb38b7432ab85e1a265cff6ae58e06f95539d539b654f2cfa64bb13"
)
NODE = "docker.io/kindest/node:v1.34.4"
LOADED = "loaded.invalid/kennethreitz/httpbin:599fe5e50731"

# Writes down how it was called, and does what its first words ask for, if that is in the table.
STAND_IN = """#!{python}
import json, os, shutil, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([name, words, os.environ.get("KUBECONFIG"), os.environ.get("KUBE_CONTEXT")]) + "\\n")
if [name, *words[:2]] == ["kind", "create", "cluster"]:
    path, cluster = (words[words.index(option) + 1] for option in ("--kubeconfig", "--name"))
    text = open({kubeconfig!r}).read().replace({context!r}, "kind-" + cluster)
    open(path, "w").write(text)
if words[:2] == ["image", "inspect"] and words[2] != {local!r}:
    sys.exit("no such image")
if words[:1] == ["save"]:
    open(words[2], "w").write("an image")
"""

MESH = """
install:
- [kubectl, --context, "{context}", apply, -f, "{folder}/crds.yaml"]
- [istioctl, install, --kubeconfig, "{kubeconfig}", --context, "{context}"]
uninstall:
- [istioctl, uninstall]
versions: {istio: [istioctl, version]}
"""


@dataclass
class Machine:
    """A machine on whose PATH there is nothing but the stand-ins."""

    programs: Path
    log: Path
    mesh: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.programs}:/usr/bin:/bin", "TMPDIR": str(self.programs.parent)}

    def options(self, *options: str) -> list[str]:
        """Those of a run of the suites on this machine."""
        reports = ["--reports", str(self.mesh.parent / "reports")]
        where = ["--target", "kind", "--mesh", str(self.mesh)]
        return ["--color=no", "-p", "no:cacheprovider", "--suite", "current", *reports, *where, *options]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return suite_runs.forked(*self.options(*options), environment=self.environment())

    def calls(self) -> list[list[Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def commands(self) -> list[str]:
        """The calls as they would be typed, the names of this run's own things left out."""
        return [self._nameless(" ".join([name, *words])) for name, words, _, _ in self.calls()]

    def _nameless(self, command: str) -> str:
        created = next(words for name, words, _, _ in self.calls() if words[:1] == ["create"])
        cluster, path = (created[created.index(option) + 1] for option in ("--name", "--kubeconfig"))
        return command.replace(str(Path(path).parent), "FOLDER").replace(cluster, "CLUSTER")


def machine(folder: Path, estate: Estate) -> Machine:
    programs = folder / "bin"
    programs.mkdir()
    only = folder / "lab"
    only.write_text(yaml.safe_dump(kubeconfig.only([estate.kubeconfig], CONTEXT)))
    text = STAND_IN.format(
        python=sys.executable,
        log=str(folder / "log"),
        kubeconfig=str(only),
        context=CONTEXT,
        local=HTTPBIN,
    )
    for name in ("kind", "docker", "istioctl", "kubectl"):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    mesh = folder / "mine.yaml"
    mesh.write_text((MESHES / "reference.yaml").read_text() + MESH)
    return Machine(programs, folder / "log", mesh)


@pytest.fixture
def emptied(estate: Estate) -> Iterator[None]:
    """The kind target leaves the removal of everything to the removal of its cluster, which here stays."""
    before = estate.versions()
    yield
    estate.clean()
    assert estate.versions() == before


PREPARED = [
    "kind create cluster --name CLUSTER --kubeconfig FOLDER/kubeconfig "
    f"--config {ROOT}/manifests/kind/ipv4.yaml --wait 120s",
    "docker image inspect docker.io/curlimages/curl"
    "@sha256:7c12af72ceb38b7432ab85e1a265cff6ae58e06f95539d539b654f2cfa64bb13",
    f"docker image inspect {HTTPBIN}",
    f"docker tag {HTTPBIN} {LOADED}",
    f"docker save -o FOLDER/image.tar {LOADED}",
    "kind load image-archive FOLDER/image.tar --name CLUSTER",
    f"docker image rm {LOADED}",
]


@pytest.mark.usefixtures("emptied")
def test_a_cluster_is_made_filled_used_and_deleted(estate: Estate, tmp_path: Path) -> None:
    own = machine(tmp_path, estate)
    run = own.run("-k", "test_reachability and mesh-wide-strict", "--node-image", NODE)
    assert run.returncode == 0, run.stdout
    assert "kind ready after" in run.stdout
    assert own.commands() == [
        f"{PREPARED[0]} --image {NODE}",
        *PREPARED[1:],
        f"kubectl --context kind-CLUSTER apply -f {tmp_path}/crds.yaml",
        "istioctl install --kubeconfig FOLDER/kubeconfig --context kind-CLUSTER",
        "istioctl version",
        "kind delete cluster --name CLUSTER --kubeconfig FOLDER/kubeconfig",
    ]
    told = {(path, context) for name, _, path, context in own.calls() if name in ("kubectl", "istioctl")}
    ((path, context),) = told
    assert Path(path).name == "kubeconfig"
    assert context.startswith("kind-mesh-authn-")
    assert not Path(path).parent.exists()
    images = {
        container["image"]
        for item in estate.api.resources.get(api_version="apps/v1", kind="Deployment")
        .get()
        .to_dict()["items"]
        if item["metadata"]["name"] == "httpbin"
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    assert images == {LOADED}
    report = yaml.safe_load((tmp_path / "reports" / "conformance-report.yaml").read_text())
    mesh = next(each for each in report["implementations"] if each["document"] == "current")
    assert mesh["environment"]["image of kind nodes"] == NODE


@pytest.mark.usefixtures("untouched")
def test_a_registry_is_asked_for_all_images_but_one_that_was_named(estate: Estate, tmp_path: Path) -> None:
    own = machine(tmp_path, estate)
    chosen = ("--registry", "mirror.example", "--node-image", NODE)
    run = own.run("-k", "mesh-wide-strict and reachability", "--dry-run", *chosen)
    assert run.returncode == 0, run.stdout
    assert re.findall(r"^ *(node image|image to \w+): (\S+)$", run.stdout, re.MULTILINE) == [
        ("node image", NODE),
        ("image to pull", CURL.replace("docker.io", "mirror.example")),
        ("image to pull", HTTPBIN.replace("docker.io", "mirror.example")),
    ]


@pytest.mark.usefixtures("untouched")
def test_a_dry_run_prints_what_would_be_made_and_loaded(estate: Estate, tmp_path: Path) -> None:
    own = machine(tmp_path, estate)
    run = own.run("-k", "mesh-wide-strict and reachability", "--node-image", NODE, "--dry-run")
    assert run.returncode == 0, run.stdout
    plan = run.stdout.partition("set-up: a kind cluster of its own\n")[2].partition("namespaces foo")[0]
    assert [line.strip() for line in plan.splitlines()] == [
        "kind create cluster --name mesh-authn-RUN --kubeconfig FOLDER/kubeconfig "
        f"--config {ROOT}/manifests/kind/ipv4.yaml --wait 120s --image {NODE}",
        f"node image: {NODE}",
        f"image to pull: {CURL}",
        f"image to load: {HTTPBIN}",
        "kubectl --context '{context}' apply -f '{folder}/crds.yaml'",
        "istioctl install --kubeconfig '{kubeconfig}' --context '{context}'",
    ]
    assert {words[0] for _, words, _, _ in own.calls()} == {"image"}


@pytest.fixture
def here(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """This process is on the machine of the stand-ins."""
    own = machine(tmp_path, estate)
    monkeypatch.setenv("PATH", own.environment()["PATH"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return own


@pytest.mark.usefixtures("untouched")
def test_a_kept_cluster_can_be_found_again(here: Machine) -> None:
    said: list[str] = []
    request = kind.Request("run-1", lanes(1), family="ipv6", registry="mirror.example", keep=True)
    with kind.opened(load(str(here.mesh)), request, said.append) as provisioned:
        assert provisioned.context == "kind-mesh-authn-1"
    created, *others = here.commands()
    assert created.endswith(
        f"--config {ROOT}/manifests/kind/ipv6.yaml --wait 120s --image mirror.example/kindest/node:v1.35.8"
        "@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0"
    )
    assert others[1] == f"docker image inspect mirror.example/kennethreitz/httpbin@{DIGEST}"
    assert not any("delete" in command for command in others)
    path = provisioned.kubeconfig
    delete = f"kind delete cluster --name mesh-authn-1 --kubeconfig {path}"
    assert f"kept: export KUBECONFIG={path}; {delete} removes it" in said
    assert path.exists()
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("untouched")
def test_a_cluster_whose_mesh_cannot_be_installed_is_deleted(here: Machine, tmp_path: Path) -> None:
    with (here.programs / "kubectl").open("a") as program:
        program.write("sys.exit('this cannot be done')\n")
    with (
        pytest.raises(HarnessError, match=r"^kubectl .* failed with exit code 1: this cannot be done$"),
        kind.opened(load(str(here.mesh)), kind.Request("run-1", lanes(1)), print),
    ):
        pass
    assert here.commands()[: len(PREPARED)] == PREPARED
    assert here.commands()[-1] == "kind delete cluster --name CLUSTER --kubeconfig FOLDER/kubeconfig"
    assert list(tmp_path.glob("mesh-authn-*")) == []


@pytest.mark.usefixtures("emptied")
def test_a_run_that_is_ended_deletes_its_cluster(estate: Estate, tmp_path: Path) -> None:
    """Here by SIGTERM, as pipelines do it."""
    own = machine(tmp_path, estate)
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "suites", *own.options("--mode", "quick")],
        cwd=ROOT,
        env={**own.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout
    while "PASSED" not in (line := run.stdout.readline()):
        assert line, "the run ended without a result"
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 2, output
    assert own.commands()[-1] == "kind delete cluster --name CLUSTER --kubeconfig FOLDER/kubeconfig"


@pytest.mark.usefixtures("untouched")
def test_a_missing_program_is_named_before_anything_is_made(estate: Estate, tmp_path: Path) -> None:
    own = machine(tmp_path, estate)
    (own.programs / "istioctl").unlink()
    run = own.run("-k", "mesh-wide-strict")
    assert run.returncode == 3
    assert (
        "could not tell: istioctl is not installed, which is needed to install reference: "
        "see https://istio.io/latest/docs/setup/getting-started/#download"
    ) in run.stdout
    assert own.calls() == []


@pytest.mark.parametrize(
    ("installed", "wanted", "engine"),
    [
        (["docker", "podman"], None, "docker"),
        (["podman"], None, "podman"),
        (["docker", "podman"], "podman", "podman"),
    ],
)
def test_the_engine_is_docker_or_podman(
    installed: list[str],
    wanted: str | None,
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in installed:
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = {"KIND_EXPERIMENTAL_PROVIDER": wanted} if wanted else {}
    assert kind.engine_of(environment) == engine


def test_without_an_engine_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match="docker is not installed, which kind needs") as caught:
        kind.engine_of({})
    assert "\n" not in str(caught.value)
