"""The one face of the API server: nothing else of it is known outside, and no collection is named twice."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

from lab.kube import client, group_resources
from lab.kube.kinds import builtin
from lab.kube.objects import GroupResource

ROOT = Path(__file__).parents[2]
# The face, and what the server is given from outside.
PUBLIC = {"client", "runtime", "serving"}


def test_the_contract_about_the_face_forbids_every_other_module():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (face,) = (each for each in contracts if each["name"].startswith("Who is outside of the API server"))
    modules = {path.stem for path in (ROOT / "lab" / "kube").glob("[!_]*")}
    assert set(face["forbidden_modules"]) == {f"lab.kube.{name}" for name in modules - PUBLIC}
    assert "ignore_imports" not in face
    rooms = {f"lab.{path.stem}" for path in (ROOT / "lab").glob("[!_]*") if path.name != "kube"}
    # The supervisor puts the API server together; who knows no Kubernetes needs no contract.
    assert rooms - set(face["source_modules"]) == {"lab.supervision", "lab.golang", "lab.config"}


def test_a_collection_is_named_once_in_the_lab():
    found = Counter(
        tuple(argument.value for argument in node.args if isinstance(argument, ast.Constant))
        for path in (ROOT / "lab").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "GroupResource"
        and all(isinstance(argument, ast.Constant) for argument in node.args)
    )
    assert [pair for pair, times in found.items() if times > 1] == []


def test_named_collections_are_those_of_built_in_kinds():
    named = {value for value in vars(group_resources).values() if isinstance(value, GroupResource)}
    assert named <= {resource.key for resource in builtin.resources()}
    assert {value for value in vars(client).values() if isinstance(value, GroupResource)} <= named
