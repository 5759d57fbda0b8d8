"""A run as its user sees it: progress, grids on request, the closing table, the exit code."""

from __future__ import annotations

import re

import pytest

from tests.e2e.suite.runs import by_its_command, run_suites

STRICT_GRID = """\
            foo     bar     legacy
    foo     200     200     200
    bar     200     200     200
    legacy  000/56  000/56  200
"""


def test_one_step_alone_conforms_and_says_what_was_left_out() -> None:
    run = by_its_command("-k", "mesh-wide-strict and reachability", "-v")
    assert run.returncode == 0, run.stdout
    assert re.search(r"test_reachability\[mesh-wide-strict\] PASSED settled in \d+ ms", run.stdout)
    assert STRICT_GRID in run.stdout
    assert re.search(r"^cases +1 of 1 passed$", run.stdout, re.MULTILINE)
    assert re.search(r"^time to settle +p50 \d+ ms, max \d+ ms \(1 grid\)$", run.stdout, re.MULTILINE)
    assert re.search(r"^wall time +\d+\.\d s, lab ready after .* s, playground", run.stdout, re.MULTILINE)
    assert re.search(
        r"^conclusion +partial: 1 of 175 cases passed; 174 not run: left out by -k 'mesh-wide-strict and "
        r"reachability'$",
        run.stdout,
        re.MULTILINE,
    )


def test_one_command_proves_both_documents_each_on_its_own_mesh() -> None:
    run = run_suites("-k", "test_1_setup and reachability")
    assert run.returncode == 0, run.stdout
    assert "suites/current/test_1_setup.py::test_reachability PASSED" in run.stdout
    assert "suites/istio_1_0/test_1_setup.py::test_reachability PASSED" in run.stdout
    assert "= conformance of reference and reference-1.0 =" in run.stdout
    assert re.search(r"^cases +2 of 2 passed$", run.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("mesh", "line", "cases"),
    [
        ("reference", "istio-1.0       not-applicable: reference implements current (66 cases)", "109"),
        (
            "reference-1.0",
            "current         not-applicable: reference-1.0 implements istio-1.0 (109 cases)",
            "66",
        ),
    ],
    ids=["reference", "reference-1.0"],
)
def test_the_document_that_a_mesh_does_not_speak_is_one_line_and_not_an_entry_for_each_case(
    mesh: str, line: str, cases: str
) -> None:
    run = run_suites("--mesh", mesh, "-k", "test_1_setup and reachability", "-rs")
    assert run.returncode == 0, run.stdout
    assert f"\n{line}\n" in run.stdout
    assert run.stdout.count("not-applicable") == 1
    assert "SKIPPED" not in run.stdout
    assert re.search(rf"^conclusion +partial: 1 of {cases} cases passed; ", run.stdout, re.MULTILINE)
    assert "the mesh conforms" not in run.stdout


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_lab_that_does_not_start_is_not_a_finding_about_the_mesh(
    workers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_HOME", "/proc/nowhere")
    run = run_suites("-k", "setup", *workers)
    assert run.returncode == 3, run.stdout
    said = [line for line in (run.stdout + run.stderr).splitlines() if "/proc/nowhere" in line]
    assert [line.partition(":")[0] for line in said] == ["could not tell"]
    assert "lab: /proc/nowhere" in said[0]
    assert "_pytest" not in run.stdout + run.stderr
    assert "full-trace" not in run.stdout + run.stderr
    assert "not-conformant" not in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
