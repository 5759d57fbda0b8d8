"""The GitHub Action: what it asks of the suites, and what it makes of their exit codes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.model.results import EXIT_HARNESS
from tests.labs import ROOT

FOLDER = ROOT / ".github" / "actions" / "conformance"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}

CONCLUSIONS = {
    0: "partial",
    1: "not-conformant",
    2: "interrupted",
    EXIT_HARNESS: "could-not-tell",
    4: "usage",
    5: "nothing-selected",
    7: "refused",
    8: "over-budget",
}


def defaults() -> dict[str, str]:
    """The environment of the step that runs the suites, with nothing but the defaults of the inputs."""
    return {
        name: re.sub(r"\$\{\{ inputs\.(\S+) \}\}", lambda found: ACTION["inputs"][found[1]]["default"], value)
        for name, value in STEPS["Prove"]["env"].items()
    }


class Run:
    """The step, with a program in place of Python that writes down its arguments and ends with a code."""

    def __init__(self, folder: Path, code: int = 0, result: str = "partial", **inputs: str) -> None:
        stand_in = folder / "python"
        leaves = f"echo result={result} >> $GITHUB_OUTPUT\n" if result else ""
        stand_in.write_text(f'#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n{leaves}exit {code}\n')
        stand_in.chmod(0o755)
        output = folder / "output"
        environment = {"GITHUB_OUTPUT": str(output), "PYTHON": str(stand_in), "PATH": os.environ["PATH"]}
        run = subprocess.run(
            ["bash", str(FOLDER / "run.sh")],
            cwd=folder,
            env=environment | defaults() | {"ROOT": str(ROOT)} | inputs,
            capture_output=True,
            text=True,
            check=False,
        )
        self.code = run.returncode
        self.directory, *self.arguments = run.stdout.splitlines()
        self.outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())


def test_without_inputs_the_reference_mesh_is_proven(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert Path(run.directory).samefile(ROOT)
    options = "--target lab --suite all --mode full -n 0"
    assert run.arguments == ["-m", "pytest", "suites", *options.split()]


def test_inputs_become_options_and_paths_are_seen_from_the_workspace(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        TARGET="cluster",
        MESH="mine/profile.yaml",
        CONTEXT="kind-x",
        CONFIG="kube/config",
        WORKERS="4",
        MORE="-k 'mesh-wide and not header' -x",
    )
    assert run.arguments[3:] == [
        *("--target", "cluster", "--suite", "all", "--mode", "full", "-n", "4"),
        *("--mesh", str(tmp_path / "mine/profile.yaml"), "--context", "kind-x"),
        *("--kubeconfig", str(tmp_path / "kube/config"), "-k", "mesh-wide and not header", "-x"),
    ]
    assert "istio" in Run(tmp_path, MESH="istio").arguments


@pytest.mark.parametrize(("code", "conclusion"), CONCLUSIONS.items())
def test_each_exit_code_has_its_conclusion(code: int, conclusion: str, tmp_path: Path) -> None:
    run = Run(tmp_path, code)
    assert run.code == code
    assert run.outputs == {"result": "partial", "exit-code": str(code), "conclusion": conclusion}
    assert conclusion in ACTION["outputs"]["conclusion"]["description"]


@pytest.mark.parametrize(
    ("result", "conclusion"),
    [
        ("conformant", "conformant"),
        ("partial", "partial"),
        ("not-conformant", "not-conformant"),
        ("", "could-not-tell"),
    ],
    ids=["whole", "partial", "as expected", "no report"],
)
def test_what_has_passed_is_called_conformant_only_if_the_report_says_so(
    result: str, conclusion: str, tmp_path: Path
) -> None:
    (tmp_path / "output").touch()
    assert Run(tmp_path, 0, result).outputs["conclusion"] == conclusion


def test_only_that_the_mesh_does_not_conform_can_be_let_pass(tmp_path: Path) -> None:
    assert {code: Run(tmp_path, code, FAIL="false").code for code in CONCLUSIONS} == {
        code: 0 if code == 1 else code for code in CONCLUSIONS
    }


@pytest.mark.parametrize("slip", ["ture", "False", "no", ""])
def test_a_slip_in_whether_to_fail_lets_nothing_pass(slip: str, tmp_path: Path) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text("#!/bin/sh\nexit 1\n")
    stand_in.chmod(0o755)
    environment = {"PYTHON": str(stand_in), "PATH": os.environ["PATH"], "ROOT": str(ROOT), "FAIL": slip}
    output = tmp_path / "output"
    environment["GITHUB_OUTPUT"] = str(output)
    run = subprocess.run(
        ["bash", str(FOLDER / "run.sh")],
        cwd=tmp_path,
        env=defaults() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 4
    assert output.read_text() == "exit-code=4\nconclusion=usage\n"
    assert run.stderr == f"::error::fail: {slip} is neither true nor false\n"


COMPARES = ["-m", "fixtures.cli", "compare"]


def gate(folder: Path, run: int, compared: int, **inputs: str) -> tuple[int, dict[str, str], list[str]]:
    """The step with a baseline, where a run and a comparison end with these codes."""
    stand_in, asked, output = folder / "python", folder / "asked", folder / "output"
    stand_in.write_text(
        f'#!/bin/sh\n[ "$2" = pytest ] && exit {run}\nprintf "%s\\n" "$@" > {asked}\nexit {compared}\n'
    )
    stand_in.chmod(0o755)
    environment = {"GITHUB_OUTPUT": str(output), "PYTHON": str(stand_in), "PATH": os.environ["PATH"]}
    own = {"ROOT": str(ROOT), "BASELINE": "kept/main.yaml", **inputs}
    output.write_text("result=partial\n")
    ended = subprocess.run(
        ["bash", str(FOLDER / "run.sh")], cwd=folder, env=environment | defaults() | own, check=False
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return ended.returncode, outputs, asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.parametrize(
    ("run", "compared", "fail", "code", "comparison"),
    [
        (0, 0, "true", 0, "passed"),
        (0, 1, "true", 1, "failed"),
        (0, 2, "true", 2, "could-not-compare"),
        (1, 0, "true", 1, "passed"),
        (1, 0, "false", 0, "passed"),
        (1, 1, "false", 1, "failed"),
        (EXIT_HARNESS, 1, "false", EXIT_HARNESS, "failed"),
    ],
)
def test_a_baseline_gates_also_a_mesh_that_does_not_conform(
    run: int, compared: int, fail: str, code: int, comparison: str, tmp_path: Path
) -> None:
    ended, outputs, asked = gate(tmp_path, run, compared, FAIL=fail)
    assert (ended, outputs["comparison"], outputs["exit-code"]) == (code, comparison, str(run))
    assert asked == [
        *(*COMPARES, str(tmp_path / "kept/main.yaml"), "reports/conformance-report.yaml"),
        *("--fail-on", "regression,coverage", "--page", "compared.html"),
    ]


def test_without_a_baseline_nothing_is_compared(tmp_path: Path) -> None:
    ended, outputs, asked = gate(tmp_path, 0, 1, BASELINE="")
    assert (ended, "comparison" in outputs, asked) == (0, False, [])


@pytest.mark.parametrize("page", ["running.md", "running-elsewhere.md"])
def test_the_exit_codes_are_those_of_the_documentation(page: str) -> None:
    table = (ROOT / "docs" / page).read_text().partition("| exit code")[2].partition("\n\n")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == set(CONCLUSIONS)


def test_every_input_is_used_and_every_one_that_is_used_is_there() -> None:
    text = (FOLDER / "action.yml").read_text().partition("runs:")[2]
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(ACTION["inputs"])
    script = (FOLDER / "run.sh").read_text()
    used = set(re.findall(r"\$\{?([A-Z_]+)\b", script)) - {"PWD", "PYTHON", "GITHUB_OUTPUT"}
    assert used == {*STEPS["Prove"]["env"]}
