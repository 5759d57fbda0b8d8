"""A lab for a test, started as its user would."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def short_directory() -> tempfile.TemporaryDirectory[str]:
    """A place for labs. The sockets in it allow no long path, and what TMPDIR names may be one."""
    return tempfile.TemporaryDirectory(prefix="lab", dir="/tmp")


@contextlib.contextmanager
def running_lab(*options: str) -> Iterator[Path]:
    """``python -m lab up --foreground`` with a name of its own, ended at the end; gives its kubeconfig."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    lab = subprocess.Popen(
        [sys.executable, "-m", "lab", "up", "--foreground", "--name", name, *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert lab.stdout
        announced = lab.stdout.readline()
        assert announced.startswith("export KUBECONFIG="), "the lab did not start"
        yield Path(announced.removeprefix("export KUBECONFIG=").strip())
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.wait(20)
        if lab.stdout:
            lab.stdout.close()
