"""The document's playground on a whole lab, by kubectl."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.lab.conftest import ROOT, Home
from tests.labs import running_lab
from tests.programs import KUBECTL

NAMESPACES = ("foo", "bar", "legacy")

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@dataclass
class Kubectl:
    kubeconfig: str
    home: str

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["kubectl", *arguments],
            cwd=ROOT,
            env=os.environ | KUBECTL | {"KUBECONFIG": self.kubeconfig, "HOME": self.home},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done


def _up(home: Home) -> Kubectl:
    up = home.lab("up")
    assert up.returncode == 0, up.stderr
    return Kubectl(up.stdout.removeprefix("export KUBECONFIG=").strip(), str(home.path))


def _play(kubectl: Kubectl) -> None:
    for namespace in NAMESPACES:
        kubectl("create", "ns", namespace)
    kubectl("label", "ns", "foo", "bar", "istio-injection=enabled")
    for namespace in NAMESPACES:
        kubectl("apply", "-n", namespace, "-f", "manifests/playground/")
    for namespace in NAMESPACES:
        kubectl("wait", "-n", namespace, "--for=condition=Available", "deploy", "--all", "--timeout=20s")


def _codes(kubectl: Kubectl) -> dict[str, list[str]]:
    """What the sleep of each namespace is answered by the httpbin of each."""
    curl = "curl -s -m 5 http://httpbin.$each:8000/ip -o /dev/null -w '%{http_code}\n'"
    script = f"for each in {' '.join(NAMESPACES)}; do {curl}; done"
    asked = ("deploy/sleep", "-c", "sleep", "--", "sh", "-c", script)
    return {
        source: kubectl("exec", "-n", source, *asked, check=False).stdout.split() for source in NAMESPACES
    }


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Of a lab with the playground. Whatever a test breaks in it comes back by itself."""
    with running_lab() as kubeconfig:
        kubectl = Kubectl(str(kubeconfig), str(tmp_path_factory.mktemp("home")))
        _play(kubectl)
        yield kubectl


ALL_REACHABLE = {source: ["200"] * len(NAMESPACES) for source in NAMESPACES}


def test_everybody_reaches_everybody(kubectl: Kubectl) -> None:
    assert _codes(kubectl) == ALL_REACHABLE


def test_everybody_reaches_everybody_in_the_lab_of_an_ordinary_user(ordinary: Home) -> None:
    kubectl = _up(ordinary)
    _play(kubectl)
    assert _codes(kubectl) == ALL_REACHABLE


SLEEP = ("exec", "-n", "legacy", "deploy/sleep", "--")


def test_exec_passes_exit_codes_and_names_what_is_missing(kubectl: Kubectl) -> None:
    done = kubectl(*SLEEP, "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.startswith("err\n")
    missing = kubectl(*SLEEP, "no-such-program", check=False)
    assert missing.returncode != 0
    assert 'exec: "no-such-program": executable file not found in $PATH' in missing.stderr


def test_a_pod_reaches_the_api_server_as_its_service_account(kubectl: Kubectl) -> None:
    review = '{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}'
    script = f"""
        cd /var/run/secrets/kubernetes.io/serviceaccount
        curl -s -m 5 --cacert ca.crt -H "Authorization: Bearer $(cat token)" \\
            -H 'Content-Type: application/json' -d '{review}' https://kubernetes.default/apis/authentication.k8s.io/v1/selfsubjectreviews
        cat namespace
    """
    answer = kubectl(*SLEEP, "sh", "-c", script).stdout
    assert '"username":"system:serviceaccount:legacy:sleep"' in answer.replace(": ", ":")
    assert answer.endswith("legacy")


def test_an_image_that_the_lab_does_not_know_is_explained_by_describe(kubectl: Kubectl) -> None:
    kubectl("run", "web", "--image=nginx")
    kubectl(
        "wait",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff",
        "pod/web",
    )
    assert "ImagePullBackOff" in kubectl("get", "pods").stdout
    described = kubectl("describe", "pod", "web").stdout
    assert 'Failed to pull image "nginx": the lab has no registry' in described
    assert "kennethreitz/httpbin" in described


def test_a_killed_proxy_comes_back(kubectl: Kubectl) -> None:
    kubectl("exec", "-n", "foo", "deploy/httpbin", "-c", "istio-proxy", "--", "sh", "-c", _KILL_ENVOY)
    restarts = "{.items[0].status.initContainerStatuses[?(@.name=='istio-proxy')].restartCount}"
    selector = ("get", "pod", "-n", "foo", "-l", "app=httpbin", "-o")
    _until(lambda: kubectl(*selector, f"jsonpath={restarts}").stdout == "1")
    kubectl("wait", "-n", "foo", "--for=condition=Ready", "pod", "--all", "--timeout=10s")
    assert _codes(kubectl) == ALL_REACHABLE


# The one whose network namespace is the shell's own; others of the lab are visible as well.
_KILL_ENVOY = """
for p in /proc/[0-9]*; do
  if [ "$(readlink $p/ns/net)" = "$(readlink /proc/self/ns/net)" ] && grep -q '_bin/env[o]y' $p/cmdline; then
    kill -9 ${p#/proc/}
  fi
done
"""


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
    raise AssertionError("never happened")


def test_a_deleted_pod_is_replaced_and_reachable_again(kubectl: Kubectl) -> None:
    kubectl("delete", "pod", "-n", "foo", "-l", "app=httpbin")
    kubectl("wait", "-n", "foo", "--for=condition=Ready", "pod", "--all", "--timeout=10s")
    kubectl("rollout", "status", "-n", "foo", "deploy/httpbin", "--timeout=10s")
    assert _codes(kubectl) == ALL_REACHABLE
