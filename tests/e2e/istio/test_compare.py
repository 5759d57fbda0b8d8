"""Policies compared on Istio and on the reference: `make compare-istio WHAT=behaviour`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare import planes
from tests.labs import ROOT, running_lab


@pytest.fixture(scope="module")
def istio() -> Iterator[Path]:
    try:
        with planes.istio() as kubeconfig:
            yield kubeconfig
    except planes.NotThere as missing:
        pytest.skip(str(missing))


def compared(istio: Path, reference: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """In labs that are there, so many sets of a seed."""
    command = [sys.executable, "-m", "tests.compare", "--what", "behaviour", *options]
    return subprocess.run(
        [*command, "--istio", str(istio), "--reference", str(reference)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_reference_does_as_istio_does(istio: Path) -> None:
    with running_lab() as reference:
        done = compared(istio, reference, "--seed", "7", "--number", "6")
    assert done.returncode == 0, done.stdout + done.stderr
    cells = re.search(r"^all +(\d+) +(\d+) +(\d+) ", done.stdout, re.MULTILINE)
    assert cells, done.stdout
    assert cells[1] == cells[2]
    assert int(cells[1]) > 2000
    assert "6 sets, 0 with differences, 0 never settled" in done.stdout


SMALLEST = """set 0:
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  namespace: foo
  name: p0
spec:
  mtls:
    mode: STRICT
"""
CELL = """# sleep.foo -> httpbin.foo: GET /anything/a -H 'host: unknown.example.com'
#   Istio:         503
#   the reference: 200 /anything/a
"""
"""What goes past all Services goes without mutual TLS."""


def test_a_wrong_mesh_is_found_and_the_policy_behind_it_made_small(istio: Path) -> None:
    with running_lab("--fault", "strict-as-permissive") as reference:
        done = compared(istio, reference, "--seed", "287", "--number", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert SMALLEST in done.stdout, done.stdout
    assert CELL in done.stdout, done.stdout
