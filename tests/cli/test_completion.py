"""What bash completes of ``python -m lab``: bash itself is asked, with the code that the command prints."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lab import faults
from lab.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.reference_only("of the command line")


def completed(*words: str) -> list[str]:
    """What is offered for the last of these words, of a command that begins with the interpreter."""
    typed = [sys.executable, *words]
    script = "\n".join(
        [
            f'eval "$({shlex.quote(sys.executable)} -m lab completion bash)"',
            f"COMP_WORDS=({shlex.join(typed)})",
            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))",
            'COMP_LINE="${COMP_WORDS[*]}"',
            "COMP_POINT=${#COMP_LINE}",
            "COMP_TYPE=9",
            "complete -p python >&2",
            '_mesh_lab_completion "${COMP_WORDS[0]}"',
            'printf "%s\\n" "${COMPREPLY[@]}"',
        ]
    )
    shell = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "_mesh_lab_completion" in shell.stderr
    return [line.strip() for line in shell.stdout.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["-m", "lab", "st"], {"status"}),
        (["-m", "lab", "up", "--fo"], {"--foreground"}),
        (["-m", "lab", "up", "--mesh", "istio"], {"istio-1.0"}),
    ],
)
def test_commands_options_and_meshes_are_completed(words: list[str], offered: set[str]) -> None:
    assert set(completed(*words)) == offered


@pytest.mark.parametrize("before", [["up", "--fault"], ["faults"]])
def test_faults_are_completed(before: list[str]) -> None:
    assert completed("-m", "lab", *before, "xfcc-drop") == ["xfcc-dropped"]
    assert "xfcc-dropped" in {fault.name for fault in faults.known()}


def test_other_programs_of_the_interpreter_are_left_alone() -> None:
    """What is typed would be completed to a command of the lab."""
    assert completed("-m", "pip", "st") == []


def test_another_shell_is_a_wrong_choice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["completion", "fish"])
    assert end.value.code == 2
    assert "invalid choice: 'fish' (choose from 'bash')" in capsys.readouterr().err
