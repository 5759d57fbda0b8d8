"""A lab with real Istio, for as long as tests run on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.kube.client import NAMESPACES, ApiError
from tests.labs import running_lab
from tests.planes.api import Api
from tests.planes.istiod import Istiod, forwarded
from tools import bundles

FAST = "values.pilot.env.PILOT_DEBOUNCE_AFTER=10ms"
"""istiod waits so long for more changes before it pushes; by default 100 ms."""


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


class NotThere(Exception):
    """No lab can have Istio here, or its installation failed; the message is one line."""


def found_bundle() -> Path:
    """What Istio is installed from. Raises NotThere."""
    if shutil.which("kubectl") is None:
        raise NotThere("kubectl is not installed")
    try:
        return bundles.find("istio")
    except bundles.NoBundle as none:
        raise NotThere(f"{none}: make istio") from None


def missing() -> str:
    """Why no lab can have Istio on this machine, in a line; "" where it can."""
    try:
        found_bundle()
    except NotThere as reason:
        return str(reason)
    return ""


def bundle() -> Path:
    """What Istio is installed from; the test is skipped where it is not there."""
    if reason := missing():
        pytest.skip(reason)
    return found_bundle()


@contextmanager
def bare_with_istio(made: Path, *settings: str) -> Iterator[Path]:
    """A bare lab of its own, the definitions of the Gateway API, and Istio as its bundle has it for labs.

    Gives its kubeconfig. Raises NotThere.
    """
    chosen = [part for setting in (FAST, *settings) for part in ("--set", setting)]
    with running_lab("--mesh", "none") as kubeconfig, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": home}
        istioctl = [str(made / "bin" / "istioctl"), "install", "--skip-confirmation"]
        for command in (
            ["kubectl", "apply", "--server-side", "-f", str(made / "gateway-api")],
            [*istioctl, "-f", str(made / "lab.yaml"), *chosen],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                said = f"{done.stdout}{done.stderr}".strip() or f"exit code {done.returncode}"
                failed = NotThere(f"{Path(command[0]).name}: {said.splitlines()[-1]}")
                failed.add_note(f"{' '.join(command)}: {said}")
                raise failed
        yield kubeconfig


@contextmanager
def running_istio(*settings: str) -> Iterator[IstioLab]:
    """Such a lab for tests, with a way to its istiod."""
    made = bundle()
    with bare_with_istio(made, *settings) as kubeconfig, forwarded(kubeconfig) as port:
        api = Api(kubeconfig)
        with contextlib.closing(api), contextlib.closing(Istiod(api, port)) as istiod:
            yield IstioLab(kubeconfig, made, api, istiod)
