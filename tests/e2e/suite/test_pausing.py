"""Somebody looks at the cluster while a run waits in a step."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.suite.runs import ROOT, run_suites

SHOWN_WITHIN_S = 120
CASE = "current/namespace-or-workload/reachability/port-8080-disabled"
WRONG = ("--fault", "port-level-ignored", "--bound", "1")
WAITS = "paused: press Enter"

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.fixture
def on_a_terminal() -> Iterator[Callable[..., Terminal]]:
    """Starts runs; one that still waits when its test has failed is interrupted."""
    started: list[Terminal] = []

    def start(reports: Path, *options: str) -> Terminal:
        started.append(Terminal(reports, *options))
        return started[-1]

    yield start
    for run in started:
        run.interrupt()


class Terminal:
    """A run on a terminal of its own, wide enough that no line is folded."""

    def __init__(self, reports: Path, *options: str) -> None:
        command = ["pytest", "suites", "--color=no", "--reports", str(reports), "--evidence", "summary"]
        pid, self._ours = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.environ["COLUMNS"] = "400"
            os.execv(sys.executable, [sys.executable, "-m", *command, "-q", *options])
        self.pid = pid
        self.shown = ""

    def until(self, wanted: str) -> str:
        deadline = time.monotonic() + SHOWN_WITHIN_S
        while wanted not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown
        return self.shown

    def interrupt(self) -> None:
        """Unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ends(self) -> int:
        """The exit code. A run that waits for more does not end, which fails after a while."""
        deadline = time.monotonic() + SHOWN_WITHIN_S
        while self._read():
            assert time.monotonic() < deadline, self.shown
        os.close(self._ours)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        """Whether the run goes on."""
        ready, _, _ = select.select([self._ours], [], [], SHOWN_WITHIN_S)
        assert ready, self.shown
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


def typed(command: str, kubeconfig: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command),
        env={**os.environ, "KUBECONFIG": kubeconfig},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@needs_kubectl
def test_a_command_of_a_finding_works_at_a_pause_and_what_is_changed_is_put_right_for_what_follows(
    on_a_terminal, tmp_path: Path
) -> None:
    """strict-foo.yaml is in force in both steps; somebody deletes it while the run waits in the first."""
    chosen = "test_reachability and (port-8080-disabled or other-version-strict)"
    run = on_a_terminal(tmp_path, "--pause-on-failure", *WRONG, "-k", chosen)
    shown = run.until(WAITS)
    (kubeconfig,) = re.findall(r"export KUBECONFIG=(\S+)", shown)
    differs = "# sleep.legacy to httpbin.bar: 000/56 instead of 200"
    lines = [line.strip() for line in shown.splitlines()]
    command = lines[next(at for at, line in enumerate(lines) if line.startswith(differs)) + 1]
    asked = typed(command, kubeconfig)
    assert (asked.returncode, asked.stdout.strip()) == (56, "000"), asked.stderr
    gone = typed("kubectl delete peerauthentication default -n foo", kubeconfig)
    assert gone.returncode == 0, gone.stderr
    run.type("\n")
    assert run.ends() == 1
    assert "1 failed, 1 passed" in run.shown
    assert f'eval "$(python -m lab up --at {CASE} --fault port-level-ignored)"' in run.shown
    assert not Path(kubeconfig).exists()


@needs_kubectl
def test_ctrl_c_at_a_pause_ends_the_run_and_leaves_nothing(on_a_terminal, tmp_path: Path) -> None:
    run = on_a_terminal(tmp_path, "--at", CASE)
    shown = run.until(WAITS)
    assert "is as expected" in shown
    (kubeconfig,) = re.findall(r"export KUBECONFIG=(\S+)", shown)
    assert typed("kubectl get namespace foo", kubeconfig).returncode == 0
    run.type("\x03")
    assert run.ends() == 2
    assert not Path(kubeconfig).exists()
    assert (tmp_path / "conformance-report.yaml").exists()


def test_without_a_terminal_a_run_says_so_and_goes_on(tmp_path: Path) -> None:
    run = run_suites("--pause-on-failure", *WRONG, "-k", "port-8080 and reachability", reports=tmp_path)
    assert run.returncode == 1
    assert "not paused: there is no terminal" in run.stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--at", "current/x"), "ERROR: --at: there is no case current/x: --dry-run prints the names of all"),
        (("--at", CASE, "--pause-on-failure"), "ERROR: --at always pauses"),
        (("--pause-on-failure", "-n", "2"), "ERROR: --pause-on-failure is for a run without workers"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: tuple[str, ...], complaint: str) -> None:
    refused = run_suites(*options)
    assert refused.returncode == 4, refused.stdout
    assert complaint in refused.stdout + refused.stderr
