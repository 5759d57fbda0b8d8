"""The version of the suite is that of pyproject.toml, wherever somebody asks for it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.suite_runs import forked

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = str(PROJECT["version"])
pytestmark = pytest.mark.reference_only("of the command lines")


def output(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.mark.parametrize("module", ["lab", "fixtures.cli"])
def test_command_lines_print_it(module: str) -> None:
    assert output("-m", module, "--version") == f"{PROJECT['name']} {VERSION}\n"


def test_every_run_begins_with_it() -> None:
    said = forked("--suite", "current", "--collect-only", "-q", "-v", "-k", "nothing").stdout
    assert re.search(rf"^{PROJECT['name']} {re.escape(VERSION)}\b", said, re.MULTILINE)


def test_the_changelog_has_it() -> None:
    assert f"\n## [{VERSION}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("path", ["docs/running-elsewhere.md", "manifests/in-cluster/job.yaml"])
def test_the_image_has_it_as_its_tag(path: str) -> None:
    tags = set(re.findall(r"mesh-authn-conformance:([\d.]+\d)", (ROOT / path).read_text()))
    assert tags == {VERSION}
