"""A run in the name of a service account that may do what manifests/in-cluster grants, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kubernetes import client, config

from fixtures import in_cluster
from tests.elsewhere.gatekeeper import HOST, Gatekeeper
from tests.elsewhere.rights import Need, granted
from tests.elsewhere.test_rights import ACCOUNT, RBAC
from tests.labs import ROOT, running_lab

START = "import sys; from pathlib import Path; from fixtures import in_cluster; "
START += "in_cluster.main(sys.argv[2:], Path(sys.argv[1]))"


@dataclass
class Pod:
    """What a pod of the service account finds: its files, and in its environment where the API server is."""

    files: Path
    gatekeeper: Gatekeeper

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "KUBERNETES_SERVICE_HOST": HOST,
            "KUBERNETES_SERVICE_PORT": str(self.gatekeeper.port),
            "TMPDIR": str(self.files),
        }
        command = [sys.executable, "-c", START, str(self.files), "--color=no", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with running_lab() as path:
        yield path


@pytest.fixture(scope="module")
def pod(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    folder = tmp_path_factory.mktemp("pod")
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    namespace, name = ACCOUNT
    api.create_namespace({"metadata": {"name": namespace}})
    api.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    token = api.create_namespaced_service_account_token(name, namespace, {"spec": {"audiences": []}})
    (folder / "token").write_text(token.status.token)
    with Gatekeeper(kubeconfig, folder, list(granted(RBAC, ACCOUNT))).running() as gatekeeper:
        yield Pod(folder, gatekeeper)


# Some of each: policies of a namespace and of the mesh, a workload of a case's own, gateways, a certificate.
CHOSEN = "mesh-wide-strict or port_that or istio-require-a-valid-token or (hash_is and foo-bar)"


def test_the_rights_are_enough(pod: Pod) -> None:
    run = pod.run("--mesh", "reference", "--profile", "quick", "-n", "2", "-k", CHOSEN)
    assert run.returncode == 0, run.stdout
    assert "pre-flight of the cluster of context in-cluster" in run.stdout
    assert pod.gatekeeper.denied == set()
    # Its rights were really asked for, also when it cleaned up.
    used = {(right.verb, right.resource) for right in pod.gatekeeper.used}
    assert {
        ("patch", "namespaces"),
        ("get", "pods/exec"),
        ("delete", "leases"),
        ("delete", "namespaces"),
    } <= used


def test_a_lane_too_many_is_refused_before_anything_is_touched(pod: Pod) -> None:
    pod.gatekeeper.used.clear()
    run = pod.run("--mesh", "reference", "-n", "5", "-k", "mesh-wide-strict")
    assert run.returncode == 7, run.stdout
    assert "refused: not allowed: delete namespaces foo, bar, legacy, foo-2," in run.stdout
    assert not {right for right in pod.gatekeeper.used if right.verb not in ("get", "list", "watch")}


def test_what_the_account_may_not_do_is_denied(pod: Pod) -> None:
    files = in_cluster.config_of_pod(
        pod.files, {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": str(pod.gatekeeper.port)}
    )
    api = client.CoreV1Api(config.new_client_from_config_dict(files))
    with pytest.raises(client.ApiException) as refusal:
        api.list_namespaced_secret("kube-system")
    assert refusal.value.status == 403
    assert pod.gatekeeper.denied == {Need("list", "", "secrets", "kube-system")}


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "KUBERNETES_SERVICE_HOST and _PORT are not set: this is not a pod"),
        (
            {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
            "there is no {folder}/token: the pod has no token of a service account",
        ),
    ],
)
def test_what_is_no_pod_is_told_so(
    environment: dict[str, str], complaint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        in_cluster.main([], tmp_path, environment)
    assert ending.value.code == 3
    assert capfd.readouterr().err == f"could not tell: {complaint.format(folder=tmp_path)}\n"


def test_an_address_of_ipv6_is_put_into_brackets(tmp_path: Path) -> None:
    for name in ("token", "ca.crt"):
        (tmp_path / name).touch()
    of_pod = in_cluster.config_of_pod(
        tmp_path, {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    )
    assert of_pod["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:443"
