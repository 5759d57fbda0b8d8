"""What a control plane has counted meanwhile, asked of a pod that prints the metrics of one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from fixtures.evidence.control_plane_counters import UNKNOWN, ControlPlaneCounters
from fixtures.mesh_profile.parts import RejectCounter
from tests.labs import running_lab

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")

NAME = "rejects_total"
PRINTED, LOGGED = "/tmp/metrics", "/tmp/log"
FOLLOW = f"touch {LOGGED}; exec tail -f {LOGGED}"
WHERE = RejectCounter("default", "app=istiod", "discovery", ("cat", PRINTED), NAME)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "istiod", "namespace": "default", "labels": {"app": "istiod"}},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "discovery", "image": "curlimages/curl", "command": ["sh", "-c", FOLLOW]}],
    },
}
REFUSED = "the proxy of foo/sleep-1 refused its listeners: no key"


@dataclass(frozen=True)
class ControlPlane:
    kubeconfig: Path

    def kubectl(self, *command: str, manifest: object = None) -> None:
        said = None if manifest is None else json.dumps(manifest)
        command = ("kubectl", f"--kubeconfig={self.kubeconfig}", *command)
        subprocess.run(command, input=said, text=True, check=True, capture_output=True)

    def start(self) -> None:
        self.kubectl("delete", "pod", "istiod", "--ignore-not-found")
        self.kubectl("apply", "-f", "-", manifest=POD)
        self.kubectl("wait", "--for=condition=Ready", "pod/istiod", "--timeout=30s")

    def count(self, listeners: int, *proxies: str, started: int = 1) -> None:
        """Its metrics from now on, and what it logs besides."""
        lines = [f'{NAME}{{type="lds"}} {listeners}', f"process_start_time_seconds {started}"]
        logged = [f"now warn delta ADS:LDS: ACK ERROR {proxy}-1 Internal:no key" for proxy in proxies]
        script = f"printf '%s\\n' '{chr(10).join(lines)}' > {PRINTED}"
        if logged:
            script += f"; printf '%s\\n' '{chr(10).join(logged)}' >> {LOGGED}"
        self.kubectl("exec", "istiod", "--", "sh", "-c", script)

    def watched(self, where: RejectCounter = WHERE, *namespaces: str) -> ControlPlaneCounters:
        context = yaml.safe_load(self.kubeconfig.read_text())["current-context"]
        return ControlPlaneCounters(where, self.kubeconfig, context, namespaces or None)


@pytest.fixture(scope="module")
def lab() -> Iterator[ControlPlane]:
    with running_lab("--mesh", "none") as kubeconfig:
        yield ControlPlane(kubeconfig)


@pytest.fixture
def istiod(lab: ControlPlane) -> ControlPlane:
    lab.start()
    lab.count(7)
    return lab


def test_what_was_counted_before_does_not_matter(istiod: ControlPlane) -> None:
    assert istiod.watched()() == []


def test_what_has_grown_is_told_with_the_words_of_the_log(istiod: ControlPlane) -> None:
    look = istiod.watched()
    istiod.count(9, "sleep-1.foo", "sleep-1.foo")
    assert look() == [f"{REFUSED} (2 times)"]


def test_proxies_elsewhere_are_left_out(istiod: ControlPlane) -> None:
    look = istiod.watched(WHERE, "foo")
    istiod.count(9, "sleep-1.payments", "sleep-1.foo")
    assert look() == [REFUSED]


def test_a_process_that_restarts_takes_its_counts_with_it(istiod: ControlPlane) -> None:
    look = istiod.watched()
    istiod.count(1, "sleep-1.foo", started=2)
    ended = f"{UNKNOWN}: default/istiod ended or restarted during the run, and its counters with it"
    assert look() == [ended, REFUSED]


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (replace(WHERE, selector="app=none"), "no pod of app=none is running in namespace default"),
        (replace(WHERE, command=("cat", "/none")), "can't open '/none'|No such file"),
        (replace(WHERE, command=("no-such-program",)), "no-such-program"),
        (replace(WHERE, command=("echo", "404 page not found")), "no process_start_time_seconds in what it"),
        (replace(WHERE, container="none"), "none"),
    ],
    ids=["no pod", "failing", "no program", "no metrics", "no container"],
)
def test_what_cannot_be_read_is_said_once_and_is_no_zero(
    where: RejectCounter, why: str, istiod: ControlPlane
) -> None:
    [line] = istiod.watched(where)()
    assert line.startswith(f"{UNKNOWN}: at the beginning of the run ")
    assert re.search(why, line), line
    assert "\n" not in line


def test_a_cluster_that_is_gone_leaves_it_open(tmp_path: Path) -> None:
    with running_lab("--mesh", "none") as kubeconfig:
        gone = ControlPlane(kubeconfig)
        gone.start()
        gone.count(0)
        kept = tmp_path / "kubeconfig"
        kept.write_bytes(kubeconfig.read_bytes())
        look = ControlPlane(kept).watched()
    [line] = look()
    assert line.startswith(f"{UNKNOWN}: the pods in default cannot be listed: ")
