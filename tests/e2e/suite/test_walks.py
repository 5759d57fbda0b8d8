"""A case that asks without pause: its figures are in the report, on the page and in the closing table."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.suite.runs import run_suites
from tests.programs import ran
from tools import verify_report

STRICT = "extended/transitions/asked-without-pause/permissive-strict-permissive"


def walk(reports: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """A run of one case, and its row."""
    run = run_suites(
        *("--suite", "extended", "-k", "without_pause and permissive-strict", *options),
        reports=reports,
    )
    report = yaml.safe_load((reports / "conformance-report.yaml").read_text())
    return run, next(row for row in report["cases"] if row["id"] == STRICT)


def test_a_walk_publishes_its_figures(tmp_path: Path) -> None:
    run, row = walk(tmp_path)
    assert row["result"] == "passed", run.stdout
    changes = row["observation"]["changes"]
    assert [each["to"] for each in changes if each["asked"] == "legacy-foo"] == [
        "strict",
        "permissive-again",
    ]
    assert all(("lastOldMs" in each) == (each["asked"] == "legacy-foo") for each in changes)
    assert all(each["requests"] > 20 and each["longestWithoutMs"] > 0 for each in changes)
    assert "settleSeconds" not in row["observation"]
    old = max(each.get("lastOldMs", 0) for each in changes)
    without = max(each["longestWithoutMs"] for each in changes)
    told = f"the last old response at most {old} ms after the change; at most {without} ms between two right"
    assert re.search(rf"^under load +{told} responses$", run.stdout, re.MULTILINE)
    page = (tmp_path / "conformance-report.html").read_text()
    assert f"<td>{changes[0]['requests']}</td><td></td><td>{changes[0]['longestWithoutMs']} ms</td>" in page
    checked = ran(verify_report.main, str(tmp_path / "conformance-report.yaml"))
    assert checked.returncode == 0, checked.stderr


def test_a_mesh_that_lets_nobody_in_for_a_moment_is_found_with_the_moment(tmp_path: Path) -> None:
    run, row = walk(tmp_path, "--fault", "plain-text-alone-on-the-way")
    assert row["result"] == "failed", run.stdout
    reason = row["reason"]
    assert reason.startswith("sleep.bar to httpbin.foo, on the way to strict: 503 instead of 200 (")
    assert (
        "permissive-strict-permissive: it was asked without pause, from before strict until permissive-again"
        in reason
    )
    counted = r"^sleep\.bar to httpbin\.foo: \d+ of \d+ requests, the first \d+ ms after strict$"
    assert re.search(counted, reason, re.MULTILINE)
    asked = r"curl -s -m 5 --noproxy '*' -o /dev/null -w '%{http_code}\n' --rate 100/s"
    address = "-H 'Connection: close' 'http://httpbin.foo:8000/ip?[1-500]'"
    assert f"{asked} {address} & kubectl apply -f manifests/extended/transitions/strict.yaml; wait" in reason
