"""Deliberately wrong meshes, made of a real one by a setting of its installation or by what is applied to it.

Each is a file, called after what is wrong: the section of the document that it breaks, a sentence, and
``set`` (settings as --set takes them) or ``apply`` (objects for the API server).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FIELDS = {"section": str, "sentence": str, "set": dict, "apply": list}


class BadWrongMesh(ValueError):
    """There is no such wrong mesh, or its file does not say what it must; the message is one line."""


@dataclass(frozen=True)
class WrongMesh:
    """One way for a mesh to be wrong."""

    name: str
    section: str
    sentence: str
    settings: Mapping[str, str]
    manifests: tuple[Mapping[str, Any], ...]


def known(folder: Path) -> list[WrongMesh]:
    """Every one in a folder, by name. Raises BadWrongMesh."""
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def find(folder: Path, name: str) -> WrongMesh:
    """Raises BadWrongMesh."""
    path = folder / f"{name}.yaml"
    names = sorted(each.stem for each in folder.glob("*.yaml"))
    if path.stem != name or name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(names)}"
        raise BadWrongMesh(f'unknown fault "{name}"; {hint}')
    return _read(path)


def _read(path: Path) -> WrongMesh:
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadWrongMesh(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    data = data if isinstance(data, dict) else {}
    wrong = [name for name, value in data.items() if not isinstance(value, _FIELDS.get(name, ()))]
    if wrong or not {"section", "sentence"} <= set(data) or not {"set", "apply"} & set(data):
        raise BadWrongMesh(f"{path}: a section, a sentence, and set or apply are wanted, and nothing else")
    settings = {name: _text(value) for name, value in data.get("set", {}).items()}
    return WrongMesh(path.stem, data["section"], data["sentence"], settings, tuple(data.get("apply", ())))


def _text(value: Any) -> str:
    """As it stands in YAML: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
