"""The session in docs/lab.md works as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.lab.conftest import Home, home
from tests.labs import ROOT
from tests.planes.istio_lab import bundle

__all__ = ["home"]

HEADING = "## Real Istio"
END_OF_OUTPUT = "=== end of output of"


def session() -> list[tuple[str, list[str]]]:
    """Each command, and the lines that are shown of what it prints."""
    section = (ROOT / "docs" / "lab.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    found: list[tuple[str, list[str]]] = []
    for line in re.findall(r"^    (.+)$", section, re.MULTILINE):
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.fixture
def printed(home: Home, tmp_path: Path) -> list[str]:
    """What each command printed, typed in one shell, which ends with the first that fails."""
    bundle()
    commands = [command for command, _ in session()]
    script = "".join(
        f"{command}\necho '{END_OF_OUTPUT} {number}'\n" for number, command in enumerate(commands)
    )
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env={**home.env(), "HOME": os.environ["HOME"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return re.split(rf"{END_OF_OUTPUT} \d+\n", done.stdout)


def test_every_command_succeeds_and_prints_what_is_shown(printed: list[str]) -> None:
    told = session()
    assert len(told) > 15
    for (command, shown), output in zip(told, printed, strict=False):
        for line in shown:
            words = (re.escape(word).replace(r"\.\.\.", r"\S+") for word in line.split())
            pattern = r"\s+".join(words)
            assert re.search(pattern, output), f"{command}\nprinted\n{output}\nwithout\n{line}"
