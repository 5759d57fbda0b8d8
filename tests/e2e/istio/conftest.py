"""A lab with Istio, installed as docs/lab.md shows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.labs import ROOT, running_lab
from tests.planes.istio_lab import bundle


@dataclass(frozen=True)
class ByHand:
    """Commands against a lab, typed in bash as their user would."""

    kubeconfig: Path
    bundle: Path
    home: Path

    def run(self, script: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "BUNDLE": str(self.bundle),
            "PATH": os.pathsep.join([str(self.bundle / "bin"), os.environ["PATH"]]),
            "HOME": str(self.home),
        }
        return subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def __call__(self, script: str) -> str:
        """What they print; they must succeed."""
        done = self.run(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """A lab without a mesh, with the definitions of the Gateway API."""
    made = bundle()
    with running_lab("--mesh", "none") as kubeconfig:
        by_hand = ByHand(kubeconfig, made, tmp_path_factory.mktemp("home"))
        by_hand('kubectl apply --server-side -f "$BUNDLE/gateway-api"')
        yield by_hand


@pytest.fixture(scope="module")
def istio(bare: ByHand) -> ByHand:
    """With Istio, and the playground's httpbin and sleep in the namespace foo."""
    bare('istioctl install --skip-confirmation -f "$BUNDLE/lab.yaml"')
    bare("kubectl create namespace foo && kubectl label namespace foo istio-injection=enabled")
    bare("kubectl apply -n foo -f manifests/playground/")
    bare("kubectl wait -n foo --for=condition=Available deploy --all --timeout=60s")
    return bare
