"""However a run ends, nothing of it is left: no process, and no file outside the lab's own folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.labs import short_directory

ROOT = Path(__file__).resolve().parents[3]
GONE_WITHIN_S = 10


def processes_of(home: Path) -> list[str]:
    """The living processes that were started with this lab home, by their command lines."""
    marker = f"LAB_HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            alive = b"State:\tZ" not in (entry / "status").read_bytes()
            if alive and marker in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def started_run(home: Path, reports: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """A run of the suites that has come as far as its first results."""
    chosen = ["--suite", "current", "--reports", str(reports), *options]
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "suites", "--color=no", *chosen],
        cwd=ROOT,
        env={**os.environ, "LAB_HOME": str(home), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout
    seen = []
    for line in run.stdout:
        seen.append(line)
        if "PASSED" in line:
            return run
    run.wait()
    raise AssertionError("the run ended without a result:\n" + "".join(seen))


@pytest.fixture
def home() -> Iterator[Path]:
    with short_directory() as path:
        yield Path(path)


def gone(home: Path) -> list[str]:
    """What is still alive when everything should have ended."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize(
    ("how", "code", "state"),
    [
        (signal.SIGINT, 2, "interrupted"),
        (signal.SIGTERM, 2, "interrupted"),
        (signal.SIGHUP, 2, "interrupted"),
        (signal.SIGKILL, -signal.SIGKILL, "running"),
    ],
)
def test_a_run_that_is_ended_leaves_nothing_but_a_report_that_says_so(
    how: signal.Signals, code: int, state: str, home: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    reports = tmp_path / "reports"
    run = started_run(home, reports, TMPDIR=str(temporary))
    assert processes_of(home)
    run.send_signal(how)
    run.communicate(timeout=30)
    assert run.returncode == code
    assert gone(home) == []
    assert list(home.iterdir()) == []
    assert list(temporary.iterdir()) == []
    report = yaml.safe_load((reports / "conformance-report.yaml").read_text())
    assert (report["result"], report["run"]["state"]) == ("incomplete", state)
    assert report["statistics"]["results"]["passed"] > 0


def test_workers_share_one_lab_and_none_is_left_when_they_are_interrupted(home: Path, tmp_path: Path) -> None:
    selection = ["-k", "namespace_or_workload and reachability"]
    run = started_run(home, tmp_path, "-n", "2", "--dist", "loadfile", *selection)
    assert len(list(home.iterdir())) == 1
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == 2, output
    assert gone(home) == []
    assert list(home.iterdir()) == []
    report = yaml.safe_load((tmp_path / "conformance-report.yaml").read_text())
    assert (report["result"], report["run"]["state"]) == ("incomplete", "interrupted")


def test_a_lab_that_dies_under_the_suite_is_not_a_finding_about_the_mesh(home: Path, tmp_path: Path) -> None:
    run = started_run(home, tmp_path)
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    (lab,) = [
        int(pid) for pid in children if b"lab" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]
    os.kill(lab, signal.SIGKILL)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 3, output
    assert "could not tell" in output
    assert "not-conformant" not in output
    assert gone(home) == []
    report = yaml.safe_load((tmp_path / "conformance-report.yaml").read_text())
    assert (report["result"], report["run"]["exitCode"]) == ("could-not-tell", 3)


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_runs_against_faults_end_with_the_tool_that_forked_them(
    how: signal.Signals, code: int, home: Path
) -> None:
    tool = subprocess.Popen(
        [sys.executable, "-m", "tools.faults", "--jobs", "2", "skew-30", "deny-ignored"],
        cwd=ROOT,
        env={**os.environ, "LAB_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(list(home.glob("*/lab.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(home.glob("*/lab.json"))) == 2
    tool.send_signal(how)
    output, _ = tool.communicate(timeout=30)
    assert (tool.returncode, output) == (code, "")
    assert gone(home) == []
    assert list(home.iterdir()) == []
