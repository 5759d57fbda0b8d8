"""What evidence has of containers, on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import yaml

from fixtures.cluster.client import Cluster, read_manifests
from fixtures.cluster.policies import Policies
from fixtures.evidence.pod_state import Pod, never_started, pod_line
from fixtures.evidence.scene import Scene
from fixtures.evidence.sources import Sources, pods_in
from fixtures.mesh_profile import profile as profiles
from fixtures.mesh_profile.parts import ControlPlane
from fixtures.mesh_profile.profile import Profile
from fixtures.mesh_profile.programs import Surroundings
from fixtures.model.errors import HarnessError
from fixtures.tokens.issuer import Issuer
from tests.labs import running_lab

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: foo}
---
apiVersion: v1
kind: Pod
metadata: {name: unknown, namespace: foo}
spec:
  containers: [{name: web, image: nginx}]
---
apiVersion: v1
kind: Pod
metadata: {name: talks, namespace: foo}
spec:
  containers:
  - {name: sleep, image: curlimages/curl, command: [sh, -c, 'echo "{\\"level\\": null}"; exec sleep 3600']}
---
apiVersion: v1
kind: Pod
metadata: {name: sidecar, namespace: foo}
spec:
  initContainers:
  - name: proxy
    image: curlimages/curl
    restartPolicy: Always
    command: [sh, -c, 'echo proxying; exec sleep 3600']
  containers:
  - {name: sleep, image: curlimages/curl, command: [sleep, "3600"]}
---
apiVersion: v1
kind: Namespace
metadata: {name: mesh-system}
---
apiVersion: v1
kind: Pod
metadata: {name: controller, namespace: mesh-system, labels: {app: controller}}
spec:
  containers:
  - name: controller
    image: curlimages/curl
    command: [sh, -c, 'echo about foo; yes other | head -1200; exec sleep 3600']
---
apiVersion: v1
kind: Pod
metadata: {name: dashboard, namespace: mesh-system, labels: {app: dashboard}}
spec:
  containers:
  - {name: web, image: curlimages/curl, command: [sleep, "3600"]}
"""

PROFILE = replace(
    profiles.load("reference"), control_plane=ControlPlane("mesh-system", "app in (controller)")
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Profile], Sources]]:
    """A cluster with these pods, and what asks it for evidence about a mesh."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "pods.yaml").write_text(PODS)
    with running_lab() as kubeconfig:
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        cluster = Cluster(kubeconfig, context, "test")
        for manifest in read_manifests(folder / "pods.yaml"):
            cluster.apply(manifest)

        def sources(profile: Profile) -> Sources:
            around = Surroundings(kubeconfig, context, profile.root_namespace, profile.folder)
            policies = Policies(cluster, profile, Issuer())
            return Sources(Scene("current", cluster, profile, policies, around))

        yield sources


def pods_of(sources: Sources, namespace: str) -> dict[str, Pod]:
    found = pods_in(sources.overview()[f"pods/{namespace}.yaml"]())
    return {pod["metadata"]["name"]: pod for pod in found}


def log(sources: Sources, namespace: str, name: str, container: str, contains: str) -> str:
    """The log of a container, once this stands in it."""
    deadline = time.monotonic() + 20
    text = ""
    while contains not in text and time.monotonic() < deadline:
        pod = pods_of(sources, namespace)[name]
        text = sources.of_pods([pod])[f"logs/{namespace}/{name}.{container}.log"]()
        time.sleep(0.05)
    return text


def test_a_log_is_as_it_was_written(scene: Callable[[Profile], Sources]) -> None:
    assert log(scene(PROFILE), "foo", "talks", "sleep", "level") == '{"level": null}\n'


def test_of_a_container_that_never_started_it_is_said_why(scene: Callable[[Profile], Sources]) -> None:
    sources = scene(PROFILE)
    assert never_started(pods_of(sources, "foo")["unknown"], "web")
    text = log(sources, "foo", "unknown", "web", "registry")
    assert text.startswith("# This container has never started: ")
    assert "the lab has no registry" in text


def test_a_proxy_that_is_a_native_sidecar_is_counted_and_has_its_log(
    scene: Callable[[Profile], Sources],
) -> None:
    sources = scene(PROFILE)
    assert log(sources, "foo", "sidecar", "proxy", "proxying") == "proxying\n"
    line, deadline = "", time.monotonic() + 20
    while "2 of 2" not in line and time.monotonic() < deadline:
        line = pod_line(pods_of(sources, "foo")["sidecar"])
        time.sleep(0.05)
    assert line == "foo/sidecar: Running, 2 of 2 ready, 0 restarts"


def test_of_the_control_plane_the_pods_count_that_the_profile_selects(
    scene: Callable[[Profile], Sources],
) -> None:
    assert set(pods_of(scene(PROFILE), "mesh-system")) == {"controller"}
    text = scene(PROFILE).overview()["pods/mesh-system.yaml"]()
    assert text.startswith("# The pods of app in (controller).\n")
    everything = replace(PROFILE, control_plane=ControlPlane("mesh-system", "app"))
    assert set(pods_of(scene(everything), "mesh-system")) == {"controller", "dashboard"}


def test_of_the_control_planes_log_what_is_about_the_playground_is_kept(
    scene: Callable[[Profile], Sources],
) -> None:
    text = log(scene(PROFILE), "mesh-system", "controller", "controller", "1001 of the last 1201 lines")
    first, second, *others = text.splitlines()
    assert first == (
        "# 1001 of the last 1201 lines: those that name foo, bar, legacy, istio-system, and the last 1000"
    )
    assert second == "about foo"
    assert others == ["other"] * 1000


def test_commands_of_this_machine_say_what_the_mesh_knows(scene: Callable[[Profile], Sources]) -> None:
    words = "echo {context} $KUBE_CONTEXT $KUBECONFIG {kubeconfig} {rootNamespace} {other}"
    asked = {"who.txt": ("sh", "-c", words), "nothing.txt": ("no-such-program",)}
    sources = scene(replace(PROFILE, evidence=asked))
    questions = sources.of_commands()
    context, again, kubeconfig, same, root, other = questions["commands/who.txt"]().split()
    assert context == again
    assert kubeconfig == same
    assert (root, other) == ("istio-system", "{other}")
    with pytest.raises(HarnessError, match="no-such-program is not installed"):
        questions["commands/nothing.txt"]()
