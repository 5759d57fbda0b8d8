"""What make says of its variables before it does anything. Each of these is real make, told to print only."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from fixtures.model import documents
from fixtures.targets import FAMILIES, TARGETS
from tests.labs import ROOT

SWITCHES = {"INSTALL_MESH": "--install", "KEEP": "--keep", "DRY_RUN": "--dry-run"}

VARIABLES = re.findall(
    r"[A-Z_]+", " ".join(re.findall(r"^VARIABLES .*$", (ROOT / "tools/variables.mk").read_text(), re.M))
)


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a make around this one has said is none of its business."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    own = {name: value for name, value in inherited.items() if name not in VARIABLES}
    command = ["make", "-n", "--no-print-directory", *words]
    return subprocess.run(
        command, cwd=ROOT, env=own | environment, capture_output=True, text=True, timeout=30, check=False
    )


def options(*words: str, **environment: str) -> list[str]:
    """The words of the command that would be run last."""
    run = make(*words, **environment)
    assert run.returncode == 0, run.stderr
    return run.stdout.replace("\\\n", " ").splitlines()[-1].split()


def test_the_command_of_a_run_is_shown_on_one_line() -> None:
    shown = make("conformance", "MODE=quick").stdout.splitlines()[-1]
    assert shown.startswith(".venv/bin/python -m pytest suites --target lab ")
    assert "  " not in shown


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("conformance SUIT=current", "there is no variable SUIT: did you mean SUITE"),
        ("conformance TARGE=kind", "there is no variable TARGE: did you mean TARGET"),
        ("test target=kind", "there is no variable target: did you mean TARGET"),
        ("help MES=istio", "there is no variable MES: did you mean MESH"),
        ("clean CONTEX=staging", "there is no variable CONTEX: did you mean CONTEXT"),
        ("conformance XYZZY=1", "there is no variable XYZZY: the variables are TARGET, SUITE, MODE, .*"),
        ("conformance TARGET=moon", "TARGET=moon: invalid choice \\(choose from lab, kind, cluster\\)"),
        ("setup TARGET=moon", "TARGET=moon: invalid choice \\(choose from lab, kind, cluster\\)"),
        ("conformance TARGET=", "TARGET=: invalid choice \\(choose from lab, kind, cluster\\)"),
        (
            "conformance SUITE=istio",
            "SUITE=istio: invalid choice \\(choose from all, current, extended, istio-1.0\\)",
        ),
        ("conformance MODE=istio", "MODE=istio: invalid choice \\(choose from full, quick\\)"),
        ("conformance IP_FAMILY=ipv5", "IP_FAMILY=ipv5: invalid choice \\(choose from ipv4, ipv6, dual\\)"),
        ("conformance KEEP=ture", "KEEP=ture: invalid choice \\(choose from 1, 0\\)"),
    ],
)
def test_a_slip_is_refused_in_one_line_before_anything_is_done(words: str, complaint: str) -> None:
    run = make(*words.split())
    assert run.returncode == 2
    assert run.stdout == ""
    assert re.fullmatch(rf"\S+:\d+: \*\*\* {complaint}\.  Stop\.\n", run.stderr), run.stderr


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("no", ["0", "no", "false", "False", ""])
def test_what_means_no_is_no(switch: str, no: str) -> None:
    assert SWITCHES[switch] not in options("conformance", f"{switch}={no}")
    assert SWITCHES[switch] not in options("conformance", **{switch: no})


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("yes", ["1", "yes", "true"])
def test_what_means_yes_is_yes(switch: str, yes: str) -> None:
    assert SWITCHES[switch] in options("conformance", f"{switch}={yes}")
    assert SWITCHES[switch] in options("conformance", **{switch: yes})


def test_a_dry_run_of_clean_removes_nothing() -> None:
    assert "--dry-run" in options("clean", "CONTEXT=staging", "DRY_RUN=1")
    assert "--dry-run" not in options("clean", "CONTEXT=staging", "DRY_RUN=0")


def test_a_variable_that_is_empty_swallows_no_other_option() -> None:
    said = options("conformance", "WORKERS=", "REPORTS=", "ARGS=-x")
    assert said[-5:] == ["-n", "0", "--reports", "reports", "-x"]


def test_a_run_is_held_to_a_settle_budget() -> None:
    said = options("conformance", "SETTLE_BUDGET=p95=2s,max=5s")
    assert said[said.index("--settle-budget") + 1] == "p95=2s,max=5s"
    assert "--settle-budget" not in options("conformance")


def test_a_table_does_not_go_where_a_run_puts_its_reports() -> None:
    assert options("table", "REPORTS=many")[-4:] == ["table", "many", "--output", "table"]
    said = options("badge", "FILE=a.yaml", "OUT=docs")
    assert said[-4:] == ["badge", "a.yaml", "--output", "docs"]


def test_signatures_are_put_on_record_of_the_documents_or_of_the_extended_suite() -> None:
    assert options("signatures", "FAULTS=a b")[-4:] == ["tools.faults", "--record", "a", "b"]
    assert options("signatures", "SUITE=extended")[-3:] == ["--record", "--suite", "extended"]


def test_two_reports_are_compared_with_what_somebody_fails_on() -> None:
    said = options("compare", "OLD=a.yaml", "NEW=b.yaml", "FAIL_ON=regression,settle", "PAGE=c.html")
    assert said[-7:] == ["compare", "a.yaml", "b.yaml", "--fail-on", "regression,settle", "--page", "c.html"]
    assert options("compare", "OLD=a.yaml", "NEW=b.yaml")[-3:] == ["compare", "a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("variable", "known"),
    [
        ("TARGET", TARGETS),
        ("SUITE", ("all", *documents.known())),
        ("MODE", ("full", "quick")),
        ("IP_FAMILY", FAMILIES),
    ],
)
def test_every_value_that_the_suites_take_is_taken(variable: str, known: tuple[str, ...]) -> None:
    for value in known:
        assert value in options("conformance", f"{variable}={value}")
    assert ", ".join(known) in make("conformance", f"{variable}=moon").stderr


def test_what_other_programs_read_may_stand_on_the_command_line() -> None:
    run = make(
        "conformance", "KUBECONFIG=/tmp/x", "INGRESS_HOST=10.0.0.1", "PIP_INDEX_URL=https://mirror.test"
    )
    assert run.returncode == 0, run.stderr


def test_an_environment_that_is_not_about_us_disturbs_nobody_else() -> None:
    assert make("test", TARGET="x86_64-linux", MODE="dev").returncode == 0
    assert make("conformance", MODE="dev").returncode == 2


def test_every_variable_of_the_makefile_is_known() -> None:
    text = (ROOT / "Makefile").read_text()
    read = set(re.findall(r"^([A-Z_]+) *\?=", text, re.MULTILINE)) | set(
        re.findall(r"\(or \$\(([A-Z]+)\)", text)
    )
    for name in read:
        assert "there is no variable" not in make("help", f"{name}=x").stderr


def test_the_former_name_of_the_mode_still_works_and_says_so_once() -> None:
    run = make("conformance", "PROFILE=quick")
    assert run.returncode == 0, run.stderr
    assert "--mode quick" in run.stdout
    assert run.stdout.count("PROFILE=quick: this variable is now called MODE") == 1
    assert "now called" not in make("conformance", "MODE=quick").stdout
    assert "PROFILE=fast: invalid choice" in make("conformance", "PROFILE=fast").stderr
