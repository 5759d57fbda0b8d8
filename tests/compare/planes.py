"""What is compared: a lab with real Istio, and one with the reference mesh."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.labs import running_lab
from tools import bundles

QUICKLY = ("--set", "values.pilot.env.PILOT_DEBOUNCE_AFTER=20ms")
"""istiod waits so long for more changes before it tells the proxies of one; otherwise it is 100 ms."""


class NotThere(Exception):
    """What it takes to compare is not there; the message is one line."""


@contextlib.contextmanager
def reference() -> Iterator[Path]:
    """Gives the kubeconfig of a lab with the reference mesh."""
    with running_lab() as kubeconfig:
        yield kubeconfig


@contextlib.contextmanager
def istio() -> Iterator[Path]:
    """Gives the kubeconfig of a lab with Istio, installed as docs/lab.md shows. Raises NotThere."""
    if shutil.which("kubectl") is None:
        raise NotThere("kubectl is not installed")
    try:
        bundle = bundles.find("istio")
    except bundles.NoBundle as missing:
        raise NotThere(f"{missing}: make istio") from None
    with running_lab("--mesh", "none") as kubeconfig, tempfile.TemporaryDirectory() as home:
        paths = os.pathsep.join([str(bundle / "bin"), os.environ["PATH"]])
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": paths, "HOME": home}
        for command in (
            ["kubectl", "apply", "--server-side", "-f", bundle / "gateway-api"],
            [
                bundle / "bin" / "istioctl",
                "install",
                *QUICKLY,
                "--skip-confirmation",
                "-f",
                bundle / "lab.yaml",
            ],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotThere(f"{Path(command[0]).name}: {done.stderr.strip().splitlines()[-1]}")
        yield kubeconfig
