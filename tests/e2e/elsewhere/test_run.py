"""A run in the name of a service account that may do what manifests/in-cluster grants, and nothing else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config

from fixtures.cli import in_cluster
from fixtures.cluster.images import Reference
from fixtures.mesh_profile.profile import MESHES
from fixtures.targets import kubeconfig
from tests import suite_runs
from tests.e2e.elsewhere import one_of_each
from tests.e2e.elsewhere.gatekeeper import HOST, Gatekeeper
from tests.e2e.elsewhere.rights import Need, Right, granted
from tests.e2e.elsewhere.test_image import instructions
from tests.e2e.elsewhere.test_rights import ACCOUNT, JOB, RBAC
from tests.labs import ROOT, running_lab

START = "import sys; from pathlib import Path; from fixtures.cli import in_cluster; "
START += "in_cluster.main(sys.argv[2:], Path(sys.argv[1]))"


@dataclass
class Pod:
    """What a pod of the service account finds: its files, and in its environment where the API server is."""

    files: Path
    gatekeeper: Gatekeeper

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KUBERNETES_SERVICE_HOST": HOST,
            "KUBERNETES_SERVICE_PORT": str(self.gatekeeper.port),
            "TMPDIR": str(self.files),
        }

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the program of the pod, to its end."""
        return subprocess.run(
            [sys.executable, "-c", START, str(self.files), *self._with_usual(arguments)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the program becomes, to its end."""
        path = Path(tempfile.mkdtemp(dir=self.files)) / "kubeconfig"
        kubeconfig.write(in_cluster.config_of_pod(self.files, self.environment), path)
        words = in_cluster.command(path, self._with_usual(arguments))
        options = words[words.index("suites") + 1 :]
        return suite_runs.forked(*options, environment=self.environment)

    def _with_usual(self, arguments: Sequence[str]) -> list[str]:
        return ["--color=no", "--reports", str(self.files / "reports"), *arguments]


@contextlib.contextmanager
def pod_beside(mesh: str, folder: Path, lanes: int) -> Iterator[Pod]:
    """A pod in a cluster whose mesh speaks an API, with room for so many lanes."""
    with running_lab("--mesh", mesh, "--playgrounds", str(lanes)) as of_lab:
        api = client.CoreV1Api(config.new_client_from_config(str(of_lab)))
        namespace, name = ACCOUNT
        api.create_namespace({"metadata": {"name": namespace}})
        api.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
        token = api.create_namespaced_service_account_token(name, namespace, {"spec": {"audiences": []}})
        (folder / "token").write_text(token.status.token)
        with Gatekeeper(of_lab, folder, list(granted(RBAC, ACCOUNT))).running() as gatekeeper:
            yield Pod(folder, gatekeeper)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with pod_beside("current", tmp_path_factory.mktemp("pod"), lanes=2) as pod:
        yield pod


# What no run on the lab asks for, and why.
NOT_ASKED_FOR = {
    ("update", "leases"): "a lease is renewed after 15 s",
    ("create", "pods/exec"): "older API servers",
    ("get", "deployments"): "the reference is ready without waiting for workloads",
    ("get", "daemonsets"): "the reference is ready without waiting for workloads",
    ("list", "nodes"): "its gateway has a load balancer",
    ("list", "envoyfilters"): "a kind that it does not have",
    ("list", "sidecars"): "a kind that it does not have",
}


def test_the_rights_are_enough_for_every_kind_of_case_and_each_is_asked_for(
    pod: Pod, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Which cases are run follows from the suites: a list of them would leave out what somebody forgot."""
    used = used_for_cases_and_evidence(pod) | used_in_two_lanes(pod)
    with pod_beside("istio-1.0", tmp_path_factory.mktemp("pod"), lanes=1) as former:
        run = former.run(*ONE_OF_EACH, "--mesh", "reference-1.0")
        assert former.gatekeeper.denied == set()
        assert run.returncode == 0, run.stdout
        used |= former.gatekeeper.used
    unused = {(right.verb, right.resource) for right in set(granted(RBAC, ACCOUNT)) - used}
    assert unused <= set(NOT_ASKED_FOR)


ONE_OF_EACH = ("-p", one_of_each.__name__, "--mode", "quick")


def used_for_cases_and_evidence(pod: Pod) -> set[Right]:
    """Those of a run in which what is about a trust domain fails, and nothing else."""
    wrong = pod.files / "wrong.yaml"
    text = (MESHES / "reference.yaml").read_text()
    wrong.write_text(text.replace("trustDomain: cluster.local", "trustDomain: elsewhere"))
    run = pod.run(*ONE_OF_EACH, "--mesh", str(wrong), "--bound", "5")
    assert pod.gatekeeper.denied == set()
    assert run.returncode == 1, run.stdout
    report = yaml.safe_load((pod.files / "reports" / "conformance-report.yaml").read_text())
    failed = {case["id"] for case in report["cases"] if case["result"] == "failed"}
    of_header = ("header-names-both-ends", "hash-is-of-the-clients-certificate")
    assert failed == {f"current/auto-mutual-tls/{each}/foo-foo" for each in of_header}, run.stdout
    return set(pod.gatekeeper.used)


def used_in_two_lanes(pod: Pod) -> set[Right]:
    """Also those with which pods are replaced, which neither document needs."""
    chosen = "one-of-two-pods or workload-unset"
    run = pod.run("--mesh", "reference", "--suite", "extended", "-k", chosen, "-n", "2")
    assert pod.gatekeeper.denied == set()
    assert run.returncode == 0, run.stdout
    return set(pod.gatekeeper.used)


def test_a_lane_too_many_is_refused_before_anything_is_touched(pod: Pod) -> None:
    pod.gatekeeper.used.clear()
    run = pod.start("--mesh", "reference", "-n", "5", "-k", "mesh-wide-strict")
    assert run.returncode == 7, run.stdout
    assert "refused: not allowed: delete namespaces foo, bar, legacy, foo-2," in run.stdout
    assert not {right for right in pod.gatekeeper.used if right.verb not in ("get", "list", "watch")}


def test_what_the_account_may_not_do_is_denied(pod: Pod) -> None:
    files = in_cluster.config_of_pod(pod.files, pod.environment)
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


WHERE = "from pathlib import Path; from fixtures.cli import in_cluster; "
WHERE += "words = in_cluster.command(Path('kubeconfig'), []); print(words[words.index('--reports') + 1])"


def where_reports_go(suite: Path, mounts: str) -> Path:
    """Asked in the folder of the suites, once things are mounted as in a pod."""
    command = f'{mounts} && cd "$0" && exec "$@"'
    run = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", command, str(suite), sys.executable, "-c", WHERE],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(run.stdout.strip())


def test_the_reports_go_to_the_volume_of_the_job_or_else_to_where_a_pod_can_write(tmp_path: Path) -> None:
    pod = yaml.safe_load(JOB.read_text())["spec"]["template"]["spec"]
    mounted = {Path(mount["mountPath"]) for mount in pod["containers"][0]["volumeMounts"]}
    ((workdir,),) = instructions("WORKDIR")
    assert Path(workdir) / "reports" in mounted
    read_only = 'mount -t tmpfs x "$0" && mkdir "$0/reports"'
    read_only, volume = (
        f'{read_only} && mount -o remount,ro "$0"',
        f'{read_only} && mount -t tmpfs v "$0/reports"',
    )
    assert where_reports_go(tmp_path, f'{volume} && mount -o remount,ro "$0"') == tmp_path / "reports"
    assert where_reports_go(tmp_path, read_only) == Path("/tmp/reports")


def test_the_image_of_the_job_is_pulled_once() -> None:
    (container,) = yaml.safe_load(JOB.read_text())["spec"]["template"]["spec"]["containers"]
    assert Reference.parse(container["image"]).tag not in (None, "latest")
    assert container["imagePullPolicy"] == "IfNotPresent"
