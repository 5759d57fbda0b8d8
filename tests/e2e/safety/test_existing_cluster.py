"""Runs on a cluster that exists, as their user starts them: afterwards it is as it was before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes.client import CoordinationV1Api

from fixtures.cluster.client import Cluster
from fixtures.mesh_profile.profile import MESHES, load
from fixtures.safety.footprint import lanes
from fixtures.safety.lease import NAME
from fixtures.targets import existing, kubeconfig
from tests.e2e.safety.conftest import Foreign
from tests.e2e.safety.estate import CONTEXT, ROOT, Estate
from tests.e2e.safety.test_preflight import FORBIDDING, HARMLESS

REMOVED = "Namespace bar, Namespace foo, Namespace legacy"
STEP = ["-k", "test_reachability and mesh-wide-strict"]
ENDS_WITHIN_S = 60

Started = subprocess.Popen[str]


@pytest.mark.usefixtures("untouched")
def test_a_run_removes_what_it_made_even_if_it_fails_and_what_was_kept_before(
    estate: Estate, tmp_path: Path
) -> None:
    """Others use the mesh, too: their policies stay, and disturb nothing."""
    harmless = ["policies of another namespace", "a destination rule that nobody else is told of"]
    with estate.holding("\n---\n".join(HARMLESS[what] for what in harmless)):
        kept = estate.run("-k", "test_1 or mesh-wide-strict", "--keep")
        assert kept.returncode == 0, kept.stdout
        assert f"pre-flight of the cluster of context {CONTEXT}, run " in kept.stdout
        workloads = "each with httpbin and sleep, those in the mesh also with another"
        assert f"to be created  namespaces foo, bar, legacy, {workloads}\n" in kept.stdout
        assert "2 other policies, without effect on the playground" in kept.stdout
        assert f"make clean CONTEXT={CONTEXT} removes it" in kept.stdout
        assert REMOVED not in kept.stdout

        wrong = tmp_path / "mine.yaml"
        wrong.write_text((MESHES / "reference.yaml").read_text().replace("cluster.local", "elsewhere"))
        failed = estate.run("-k", "names_both_ends and foo-bar", "--bound", "2", mesh=str(wrong))
        assert failed.returncode == 1, failed.stdout
        assert "1 policy of earlier runs (" in failed.stdout
        assert f"removing PeerAuthentication istio-system/default, {REMOVED}" in failed.stdout
        assert "instead of 'spiffe://elsewhere/" in failed.stdout
        assert f"    kubectl --context {CONTEXT} exec -n foo deploy/sleep" in failed.stdout
        assert failed.stdout.count(REMOVED) == 2


def test_what_forbids_a_run_is_listed_and_has_an_exit_code_of_its_own(
    estate: Estate, foreign: Foreign
) -> None:
    chosen = ["a namespace of the playground that is not ours", "a destination rule for every host"]
    with foreign("\n---\n".join(FORBIDDING[what][0] for what in chosen)):
        run = estate.run(*STEP, "-n", "2")
    assert run.returncode == 7, run.stdout
    refused = [line for line in run.stdout.splitlines() if line.startswith("refused: ")]
    assert refused == [f"refused: {FORBIDDING[what][1]}" for what in chosen]
    assert "refused: 2 findings; nothing was touched" in run.stdout + run.stderr
    assert "not-conformant" not in run.stdout


@pytest.fixture
def started(estate: Estate) -> Iterator[Callable[..., Started]]:
    """Starts a run and waits for its first result."""
    runs: list[Started] = []

    def start(*options: str) -> Started:
        run = subprocess.Popen(
            estate.command("--mode", "quick", *options),
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        runs.append(run)
        assert run.stdout
        seen = []
        for line in run.stdout:
            seen.append(line)
            if "PASSED" in line:
                return run
        raise AssertionError("the run ended without a result:\n" + "".join(seen))

    yield start
    for run in runs:
        if run.poll() is None:
            run.kill()
            run.communicate()


@pytest.mark.usefixtures("untouched")
def test_of_two_runs_at_once_the_second_is_refused_and_the_first_can_be_interrupted(
    estate: Estate, started: Callable[..., Started]
) -> None:
    first = started()
    second = estate.run(*STEP)
    assert second.returncode == 7, second.stdout
    assert "refused: another run is in progress: " in second.stdout
    assert f"(process {first.pid}) since " in second.stdout
    first.send_signal(signal.SIGINT)
    output, _ = first.communicate(timeout=ENDS_WITHIN_S)
    assert first.returncode == 2, output
    assert "removing " in output


def private_folders(process: int) -> list[Path]:
    """Where a run keeps its copy of the kubeconfig."""
    return list(Path(tempfile.gettempdir()).glob(f"mesh-authn-run-{process}-*"))


@pytest.mark.usefixtures("untouched")
def test_only_what_a_dead_run_left_is_cleaned_up(
    estate: Estate, cluster: Cluster, started: Callable[..., Started], foreign: Foreign
) -> None:
    with foreign("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"):
        dead = started()
        os.killpg(dead.pid, signal.SIGKILL)
        dead.communicate()
        assert private_folders(dead.pid)
        listed = estate.clean("--dry-run")
        assert "Namespace bar, Namespace foo, Namespace legacy" in listed.stdout
        early = estate.clean()
        assert early.returncode == 7
        assert early.stderr.startswith("ERROR: another run is in progress: ")
        assert early.stdout == ""
        CoordinationV1Api(cluster.api).delete_namespaced_lease(NAME, "default")
        cleaned = estate.clean()
        assert cleaned.returncode == 0, cleaned.stderr
        assert "Namespace legacy" in cleaned.stdout
        assert "nothing of the suite is in the cluster" in estate.clean().stdout
    assert private_folders(dead.pid) == []


INSTALLER = """#!{python}
import json, os, sys
told = [os.environ[name] for name in ("KUBE_CONTEXT", "ROOT_NAMESPACE")]
about = [sys.argv[1:], *told, open(os.environ["KUBECONFIG"]).read()]
open({log!r}, "a").write(json.dumps(about) + "\\n")
"""


@pytest.mark.usefixtures("untouched")
def test_a_mesh_can_be_installed_for_the_run(estate: Estate, tmp_path: Path) -> None:
    """By a program of the vendor's with two verbs; here it only writes down what it is told."""
    log, installer, mesh = tmp_path / "log", tmp_path / "installer", tmp_path / "mine.yaml"
    installer.write_text(INSTALLER.format(python=sys.executable, log=str(log)))
    installer.chmod(0o755)
    reference = (MESHES / "reference.yaml").read_text()
    mesh.write_text(
        reference.replace("rootNamespace: istio-system", "rootNamespace: mine") + "installer: ./installer\n"
    )
    profile = load(str(mesh))
    request = existing.Request(
        config=kubeconfig.only([estate.kubeconfig], CONTEXT), run="run-1", namespaces=lanes(1), install=True
    )
    with existing.opened(profile, request, print, print) as provisioned:
        assert provisioned.context == CONTEXT
        assert len(log.read_text().splitlines()) == 1
    called = [json.loads(line) for line in log.read_text().splitlines()]
    assert [about[:3] for about in called] == [[["install"], CONTEXT, "mine"], [["cleanup"], CONTEXT, "mine"]]
    contexts = [[each["name"] for each in yaml.safe_load(about[3])["contexts"]] for about in called]
    assert contexts == [[CONTEXT], [CONTEXT]]


@pytest.mark.usefixtures("untouched")
def test_a_dry_run_touches_nothing_and_prints_everything(estate: Estate) -> None:
    run = estate.run("-k", "mesh-wide-strict or binds", "--dry-run", "-n", "2")
    assert run.returncode == 0
    assert f"set-up: the cluster of context {CONTEXT}" in run.stdout
    assert "    # manifests/playground/httpbin.yaml\n" in run.stdout
    assert "case current/mesh-wide-strict/reachability/mesh-wide-strict\n" in run.stdout
    assert (
        "    # manifests/current/strict-mesh.yaml\n    apiVersion: security.istio.io/v1beta1\n" in run.stdout
    )
    assert "        legacy  000/56  000/56  200\n" in run.stdout
    assert "    # manifests/current/port-unbound-disable-bar.yaml\n" in run.stdout
    assert "nothing was touched" in run.stdout
