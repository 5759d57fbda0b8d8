"""What a pipeline runs: the same on a machine and on GitHub."""

from __future__ import annotations

import os
import re
import subprocess

import yaml

from tests.labs import ROOT

RUN = ROOT / ".ci" / "run"
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def made() -> list[str]:
    """The commands of make that .ci/run runs, in their order."""
    return re.findall(r"^make .+$", RUN.read_text(), re.MULTILINE)


def test_real_istio_is_proven_after_the_two_commands_of_the_readme() -> None:
    assert made() == [
        "make conformance",
        "make test",
        "make istio",
        "make conformance MESH=istio SUITE=current MODE=quick",
        "make test-istio",
    ]


def test_make_knows_every_command() -> None:
    for command in made():
        assert printed(command)


def printed(command: str) -> str:
    """What make would run for a command; it must know the command."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    words = [*command.split(), "-n", "--no-print-directory"]
    done = subprocess.run(words, cwd=ROOT, env=inherited, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\\\n", " ")


def test_what_needs_real_istio_is_tested_once_where_istio_has_been_made() -> None:
    on_istio = "tests/e2e/istio"
    commands = [line for command in made() for line in printed(command).splitlines() if "-m pytest" in line]
    (ours,) = [line for line in commands if " tests " in line]
    assert f"--ignore {on_istio}" in ours
    assert len([line for line in commands if f" {on_istio} " in line.replace("--ignore ", "--ignore=")]) == 1


def test_github_runs_it_with_go_and_keeps_what_was_made_of_istio() -> None:
    steps = WORKFLOW["jobs"]["prove"]["steps"]
    assert any(step.get("run", "").endswith(" .ci/run") for step in steps)
    used = {step["uses"].partition("@")[0]: step.get("with", {}) for step in steps if "uses" in step}
    assert used["actions/setup-go"]["go-version"] == "1.26"
    assert used["actions/cache"]["path"] == "~/.cache/mesh-authn-conformance"
    paths = re.findall(r"'([^']+)'", used["actions/cache"]["key"])
    assert paths
    assert all(list(ROOT.glob(path)) for path in paths)


def test_github_runs_suites_and_quick_tests_on_newer_pythons_by_commands_that_make_knows() -> None:
    job = WORKFLOW["jobs"]["newer-python"]
    assert "3.13" in job["strategy"]["matrix"]["python"]
    commands = [step["run"].partition(" make ")[2] for step in job["steps"] if "run" in step]
    assert [command.split()[0] for command in commands] == ["conformance", "test-quick"]
    assert all(printed(f"make {command}") for command in commands)
