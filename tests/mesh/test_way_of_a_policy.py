"""The modules that docs/lab.md names on the way of a policy are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.reference_only("where the reference's modules are")

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / folder for folder in ("", "lab/mesh", "lab/mesh/config", "lab/mesh/config/current")]


def named() -> list[str]:
    section = (
        (ROOT / "docs" / "lab.md")
        .read_text()
        .partition("## From a policy to Envoy\n")[2]
        .partition("\n## ")[0]
    )
    return re.findall(r"`([\w./]+(?:\.py|\.toml|/)|lab/\w+)`", section)


@pytest.mark.parametrize("path", named())
def test_what_the_way_of_a_policy_names_is_there(path: str) -> None:
    assert any((folder / path).exists() for folder in FOLDERS)


def test_it_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "lab" / "mesh").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= {path.rstrip("/") for path in named()}
