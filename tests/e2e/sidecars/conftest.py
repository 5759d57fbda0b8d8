"""A lab with the mesh that --plane names, for all tests of this folder; each has namespaces of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.labs import running_lab
from tests.planes.option import chosen
from tests.programs import KUBECTL

WITHIN_S = 60.0


@dataclass(frozen=True)
class Kubectl:
    """A lab's, by its kubeconfig."""

    kubeconfig: Path

    def __call__(self, *arguments: str, given: str = "") -> str:
        """What it prints; it must succeed."""
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **KUBECTL, "KUBECONFIG": str(self.kubeconfig)}

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def namespace(self, name: str, *labels: str) -> None:
        self("create", "namespace", name)
        if labels:
            self("label", "namespace", name, *labels)

    def ready(self, namespace: str) -> None:
        """Waits for all pods of a namespace."""
        self("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=90s")

    def ended(self, namespace: str, pod: str, init_container: str) -> str:
        """The exit code of an init container; empty until it has ended."""
        path = f"{{.status.initContainerStatuses[?(@.name=='{init_container}')].state.terminated.exitCode}}"
        return self("get", "pod", "-n", namespace, pod, "-o", f"jsonpath={path}")

    def statuses(self, namespace: str, pod: str, container: str, *urls: str) -> list[str]:
        """What curl in a pod sees at each of them, one after the other: `200/0`, `000/56`."""
        script = "; ".join(
            f"curl -s -m 5 -o /dev/null -w '%{{http_code}}/%{{exitcode}}\\n' {url}" for url in urls
        )
        return self(
            "exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", f"{script}; true"
        ).split()


def until(true: Callable[[], object]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:g} s"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def kubectl(request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    if chosen(request.config) == "istio":
        yield Kubectl(request.getfixturevalue("istio_lab").kubeconfig)
        return
    with running_lab() as kubeconfig:
        yield Kubectl(kubeconfig)
