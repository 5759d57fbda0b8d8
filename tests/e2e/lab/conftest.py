"""A place of its own for the labs of each test, and a look at what they leave."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.labs import short_directory

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534
WITHIN_S = 10.0


@dataclass
class Home:
    """A directory for run directories, and the command line that uses it."""

    path: Path
    python: str = sys.executable
    prefix: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [*self.prefix, self.python, "-m", "lab", *arguments]

    def env(self) -> dict[str, str]:
        return os.environ | {"LAB_HOME": str(self.path)} | self.environment

    def lab(self, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs `python -m lab …` to its end."""
        return subprocess.run(
            [*prefix, *self.command(*arguments)],
            cwd=ROOT,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=40,
            stdin=subprocess.DEVNULL,
        )

    def end(self) -> None:
        """No lab is left here."""
        if any(self.path.iterdir()):
            self.lab("down", "--all")

    def foreground(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `python -m lab up --foreground …` and waits until it has said that it is ready."""
        process = subprocess.Popen(
            self.command("up", "--foreground", *arguments),
            cwd=ROOT,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout
        with process.stdout:
            assert process.stdout.readline().startswith("export KUBECONFIG="), "the lab did not start"
        return process

    def processes(self, name: str = "default") -> dict[int, str]:
        """Command lines of a lab's processes by id: the outermost, all in its PID namespace, the listener."""
        outer = [pid for pid, line in _commands().items() if "unshare" in line and self._is_of(line, name)]
        spaces = {_pid_namespace(pid, "pid_for_children") for pid in outer}
        found = {pid: line for pid, line in _commands().items() if _pid_namespace(pid, "pid") in spaces}
        doormen = {
            pid: line
            for pid, line in _commands().items()
            if "host_listener.py" in line and line.endswith(f" {self.path / name} ")
        }
        return {pid: _commands()[pid] for pid in outer} | found | doormen

    def _is_of(self, line: str, name: str) -> bool:
        return f'"run_dir": "{self.path / name}"' in line


def _commands() -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
    return {pid: line for pid, line in found.items() if line}


def _pid_namespace(pid: int, kind: str) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
    except OSError:
        return None


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def gone(pids: Sequence[int]) -> bool:
    """Waits until none of the processes is left; False if that takes too long."""
    deadline = time.monotonic() + WITHIN_S
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def home() -> Iterator[Home]:
    with a_home() as here:
        yield here


@contextlib.contextmanager
def a_home() -> Iterator[Home]:
    """A place for labs, where none is left in the end."""
    with short_directory() as directory:
        here = Home(Path(directory))
        yield here
        here.end()


@pytest.fixture
def ordinary() -> Iterator[Home]:
    """As `home`, for a user without privileges."""
    with ordinary_home() as here:
        yield here


@contextlib.contextmanager
def ordinary_home() -> Iterator[Home]:
    """A place for the labs of a user without privileges, who has none in the end."""
    if os.geteuid() != 0:
        pytest.skip("everything here runs as an ordinary user already")
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    python, environment = _python_for_all(prefix)
    with short_directory() as directory:
        os.chown(directory, NOBODY, NOBODY)
        here = Home(Path(directory), python, prefix, environment)
        yield here
        here.end()


def _python_for_all(prefix: Sequence[str]) -> tuple[str, dict[str, str]]:
    """A Python of the same version that every user may run, with our packages."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    version = f"python3.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        environment = {"PYTHONPATH": packages}
        probe = [*prefix, "unshare", "--map-root-user", str(candidate), "-c", "import aiohttp, lab"]
        done = subprocess.run(probe, cwd=ROOT, env=os.environ | environment, capture_output=True)
        if done.returncode == 0:
            return str(candidate), environment
    pytest.skip("there is no Python with our packages that an ordinary user may run")
