"""A lab with real Istio, for as long as tests run on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.kube.store import ApiError, Key
from tests.labs import running_lab
from tests.planes.api import Api
from tests.planes.istiod import Istiod, forwarded
from tools import bundles

FAST = "values.pilot.env.PILOT_DEBOUNCE_AFTER=10ms"
"""istiod waits so long for more changes before it pushes; by default 100 ms."""

NAMESPACES = Key("", "namespaces")


@dataclass(frozen=True)
class IstioLab:
    kubeconfig: Path
    bundle: Path
    api: Api
    istiod: Istiod

    def kubectl(self, *command: str) -> str:
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={self.kubeconfig}", *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def namespace(self, name: str, labels: dict[str, str] | None = None) -> None:
        """Made if it is not there."""
        try:
            self.api.create(NAMESPACES, {"metadata": {"name": name, "labels": labels or {}}})
        except ApiError as error:
            if error.code != 409:
                raise

    def remove_namespace(self, name: str) -> None:
        self.kubectl("delete", "namespace", name, "--ignore-not-found")


def missing() -> str:
    """Why no lab can have Istio on this machine, in a line; "" where it can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    try:
        bundles.find("istio")
    except bundles.NoBundle as none:
        return f"{none}: make istio"
    return ""


def bundle() -> Path:
    """What Istio is installed from; the test is skipped where it is not there."""
    if reason := missing():
        pytest.skip(reason)
    return bundles.find("istio")


@contextmanager
def running_istio(*settings: str) -> Iterator[IstioLab]:
    """A bare lab of its own, the definitions of the Gateway API, and Istio as its bundle has it for labs."""
    made = bundle()
    with running_lab("--mesh", "none") as kubeconfig, install(kubeconfig, made, *settings) as lab:
        yield lab


@contextmanager
def install(kubeconfig: Path, made: Path, *settings: str) -> Iterator[IstioLab]:
    environment: dict[str, Any] = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(*command: str) -> None:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"

    run("kubectl", "apply", "--server-side", "-f", str(made / "gateway-api"))
    chosen = [part for setting in (FAST, *settings) for part in ("--set", setting)]
    istioctl = str(made / "bin" / "istioctl")
    run(istioctl, "install", "--skip-confirmation", "-f", str(made / "lab.yaml"), *chosen)
    with forwarded(kubeconfig) as port:
        api = Api(kubeconfig)
        with contextlib.closing(api), contextlib.closing(Istiod(api, port)) as istiod:
            yield IstioLab(kubeconfig, made, api, istiod)
