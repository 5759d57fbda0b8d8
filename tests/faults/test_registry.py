"""Faults by name and by path: what is a fault, and what is said about what is none."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.config import BadFault
from lab.faults import find, known, load
from lab.faults.views import delayed, reporting
from lab.kube.client import GroupResource, Store
from lab.mesh.config.current.policies import Policies
from lab.mesh.workloads.service_registry import ServiceRegistry

pytestmark = pytest.mark.reference_only("faults are made of the reference")

ROOT = Path(__file__).resolve().parents[2]
PEER = GroupResource("security.istio.io", "peerauthentications")

OUTSIDE = """
from collections.abc import Callable
from lab.mesh.config.current.policies import Policies

def forgetful(policies: Policies) -> Policies:
    "Nothing is declared."
    return Policies(policies.registry)

def counting() -> Callable[[Policies], Policies]:
    "Remembers how often it was asked."
    seen = []
    def change(policies: Policies) -> Policies:
        seen.append(policies)
        return len(seen)
    return change

def of_text(text: str) -> str: ...
def untyped(anything): ...
def two(policies: Policies, more: int) -> Policies: ...
number = 1
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.py"
    file.write_text(OUTSIDE)
    return file


def test_there_are_many_and_each_says_what_is_wrong() -> None:
    faults = known()
    assert len(faults) >= 45
    assert all(fault.sentence.endswith(".") for fault in faults)
    assert {fault.document for fault in faults} == {"current", "istio-1.0"}
    assert find("port-level-ignored").meshes == ("current",)
    assert find("strict-as-permissive").meshes == ("current", "istio-1.0")


def test_a_fault_may_live_outside_the_project(outside: Path) -> None:
    before = Policies(ServiceRegistry("cluster.local", "istio-system"), key_sets={"x": "y"})  # type: ignore[dict-item]
    assert load([f"{outside}:forgetful"], "current").alter(Policies, before) == Policies(before.registry)


def test_what_a_fault_remembers_is_of_one_lab(outside: Path) -> None:
    one, other = load([f"{outside}:counting"], "current"), load([f"{outside}:counting"], "current")
    policies: Any = Policies(ServiceRegistry("cluster.local", "istio-system"))
    assert [one.alter(Policies, policies), one.alter(Policies, policies)] == [1, 2]
    assert other.alter(Policies, policies) == 1


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("strict-as-permisive", 'unknown fault "strict-as-permisive"; did you mean "strict-as-permissive"?'),
        ("nonsense", 'unknown fault "nonsense"; `python -m lab faults` lists them'),
        ("{folder}/no.py:x", "there is no file {folder}/no.py"),
        ("{file}:missing", '{file} has no function "missing"'),
        ("{file}:number", '{file} has no function "number"'),
        ("{file}:of_text", "it takes str; a fault takes one of Client, Policies, "),
        ("{file}:untyped", "it takes something without a type; a fault takes one of Client, "),
        ("{file}:two", "it takes 2 arguments; a fault takes one, of Client, "),
    ],
)
def test_what_is_no_fault_is_said_in_one_line(name: str, complaint: str, outside: Path) -> None:
    places = {"folder": outside.parent, "file": outside}
    with pytest.raises(BadFault) as refusal:
        load([name.format(**places)], "current")
    assert complaint.format(**places) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("def wrong(:\n")
    with pytest.raises(BadFault, match=r"broken\.py cannot be loaded: SyntaxError: invalid syntax"):
        load([f"{file}:wrong"], "current")


def lab(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_the_list_is_for_people_and_for_programs() -> None:
    text = lab("faults").stdout
    assert text.startswith("Setup (current)\n")
    assert "\n\nGlobally enabling Istio mutual TLS (istio-1.0)\n" in text
    (one,) = json.loads(lab("faults", "--output", "json", "skew-60").stdout)
    assert one == {
        "name": "skew-60",
        "document": "istio-1.0",
        "section": "End-user authentication",
        "sentence": "A token is accepted for a minute after it has expired.",
        "meshes": ["current", "istio-1.0"],
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["faults", "nonsense"], 'lab: unknown fault "nonsense"; `python -m lab faults` lists them\n'),
        (["up", "--fault", "nonsense"], 'lab: unknown fault "nonsense"; `python -m lab faults` lists them\n'),
        (
            ["up", "--mesh", "istio-1.0", "--fault", "port-level-ignored"],
            'lab: fault "port-level-ignored" is for the mesh current, not for istio-1.0\n',
        ),
    ],
)
def test_a_bad_fault_is_wrong_usage(arguments: list[str], complaint: str) -> None:
    run = lab(*arguments)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", complaint)


class Objects:
    """As much of a cluster as views are asked for."""

    def __init__(self) -> None:
        self.store = Store()
        self.reported: list[object] = []

    def set_status(self, *arguments: object, manager: str) -> None:
        self.reported.append(arguments)


def policy(name: str) -> dict[str, dict[str, str]]:
    return {"metadata": {"name": name, "namespace": "foo"}}


async def test_a_late_view_is_as_old_as_its_delay_and_says_when_it_changes() -> None:
    objects = Objects()
    objects.store.put(PEER, policy("old"))
    view = delayed(objects, [PEER], 0.05).store  # type: ignore[arg-type]
    names = lambda: [each["metadata"]["name"] for each in view.list(PEER)]  # noqa: E731
    assert names() == ["old"]
    async with view.watch(PEER, replay=False) as changes:
        objects.store.put(PEER, policy("new"))
        await anext(changes)
        assert names() == ["old"]
        async with asyncio.timeout(5):
            await anext(changes)
        assert names() == ["new", "old"]
        objects.store.remove(PEER, "foo", "old")
        await anext(changes)
        assert names() == ["new", "old"]
        async with asyncio.timeout(5):
            await anext(changes)
        assert names() == ["new"]


def test_a_report_can_say_something_else() -> None:
    objects = Objects()
    objects.store.put(PEER, policy("here"))
    view = reporting(objects, lambda key, obj, status: {**status, "of": obj["metadata"]["name"]})  # type: ignore[arg-type]
    view.set_status(PEER, "foo", "here", {"fine": True}, manager="x")
    view.set_status(PEER, "foo", "gone", {"fine": True}, manager="x")
    assert objects.reported == [
        (PEER, "foo", "here", {"fine": True, "of": "here"}),
        (PEER, "foo", "gone", {"fine": True}),
    ]
