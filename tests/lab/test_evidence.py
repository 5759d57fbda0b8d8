"""What evidence has of containers, on a cluster."""

from __future__ import annotations

import time
from pathlib import Path

import yaml

from fixtures import profile as profiles
from fixtures.cluster import Cluster, read_manifests
from fixtures.evidence.scene import Scene
from fixtures.evidence.sources import Sources, never_started, pods_in
from fixtures.issuer import Issuer
from fixtures.policies import Policies
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
"""


def test_a_log_is_as_it_was_written_and_of_a_container_that_never_started_says_why(tmp_path: Path) -> None:
    (tmp_path / "pods.yaml").write_text(PODS)
    with running_lab() as kubeconfig:
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        cluster = Cluster(kubeconfig, context, tmp_path, "test")
        profile = profiles.load("reference")
        for manifest in read_manifests(tmp_path / "pods.yaml"):
            cluster.apply(manifest)
        sources = Sources(Scene("current", cluster, profile, Policies(cluster, profile, Issuer())))
        deadline = time.monotonic() + 20
        logs: dict[str, str] = {}
        while logs.get("talks") != '{"level": null}\n' and time.monotonic() < deadline:
            pods = {pod["metadata"]["name"]: pod for pod in pods_in(sources.overview()["pods/foo.yaml"]())}
            if never_started(pods["talks"], "sleep") is None:
                questions = sources.of_pods(list(pods.values()))
                logs = {
                    name: questions[f"logs/foo/{name}.{container}.log"]()
                    for name, container in (("talks", "sleep"), ("unknown", "web"))
                }
            time.sleep(0.05)
    assert logs["talks"] == '{"level": null}\n'
    assert logs["unknown"].startswith("# This container has never started: ")
    assert "the lab has no registry" in logs["unknown"]
