"""``--version``."""

from __future__ import annotations

import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def line() -> str:
    """Name and version of the suite that the lab is part of, as ``pyproject.toml`` has them."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    return f"{project['name']} {project['version']}"
