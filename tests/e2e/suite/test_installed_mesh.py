"""Meshes that are installed into a lab by what their profile says, and what stops them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.suite.runs import run_suites
from tests.labs import short_directory

PROFILE = """name: mine
api: current
rootNamespace: mesh-system
trustDomain: cluster.local
join: {namespaceLabels: {inject: "yes"}}
ingress: {istio: {namespace: mesh-system, service: ingress}}
"""


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where labs of a run are, while they are there. What somebody has made for labs is not there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with short_directory() as home:
        monkeypatch.setenv("LAB_HOME", home)
        yield Path(home)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (
            "install: [[kubectl, create, namespace, half], [sh, -c, 'echo no room >&2; exit 3']]",
            "sh -c 'echo no room >&2; exit 3' failed with exit code 3: no room",
        ),
        (
            "install: [['true']]\nreadiness: {seconds: 0.1, deployments: {mesh-system: [control]}}",
            "the mesh is not ready after 0.1 s: Deployment mesh-system/control (not there)",
        ),
        (
            "install: [[no-such-meshctl, install]]",
            "no-such-meshctl is not installed, which is needed to install mine",
        ),
        (
            "install: [['true']]\nlab: {bundle: istio}",
            "istio is not there for the lab (looked in CACHE/mesh-authn-conformance/images/istio): "
            "make istio makes it",
        ),
        (
            "install: [['true']]\nlab: {images: [curlimages/curl, mine/proxy:1]}",
            "the lab has no image mine/proxy:1: python -m lab images load|pull adds it",
        ),
    ],
    ids=["fails half-way", "not ready", "no program", "no bundle", "no image"],
)
def test_what_cannot_be_installed_is_one_line_and_leaves_nothing(
    more: str, complaint: str, labs: Path, tmp_path: Path
) -> None:
    mesh = tmp_path / "mine.yaml"
    mesh.write_text(PROFILE + more + "\n")
    run = run_suites("--mesh", str(mesh), "--suite", "current")
    assert run.returncode == 3, run.stdout + run.stderr
    said = f"could not tell: {complaint}".replace("CACHE", str(tmp_path / "cache"))
    lines = [line for line in run.stdout.splitlines() if "could not tell: " in line]
    assert [re.sub(r"after [\d.]+ s", "after 0.1 s", line) for line in lines] == [said]
    assert list(labs.iterdir()) == []


def test_a_plan_says_how_the_mesh_would_be_installed() -> None:
    run = run_suites("--mesh", "istio", "--suite", "current", "--dry-run")
    assert run.returncode == 0
    lines = [line.strip() for line in run.stdout.splitlines()]
    there = lines.index("set-up: an embedded cluster of its own")
    assert lines[there + 1].endswith("apply --server-side -f '{bundle}/gateway-api'")
    assert "--set values.telemetry.enabled=false" in lines[there + 2]
