"""Whatever is installed for a run is used by it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = tomllib.loads((ROOT / "pyproject.toml").read_text())

NOT_IMPORTED = {
    "pytest-asyncio": "pytest loads it",
    "allure-pytest": "pytest loads it; what it brings is imported as allure",
    "types-PyYAML": "mypy reads it",
    "types-jsonschema": "mypy reads it",
    "ruff": "a program",
    "mypy": "a program",
    "import-linter": "a program",
}


def named() -> list[str]:
    lists = [WRITTEN["project"]["dependencies"], *WRITTEN["dependency-groups"].values()]
    return [re.split(r"[\[<>=~; ]", requirement)[0] for each in lists for requirement in each]


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The first names of all modules that the project imports, also those that it imports late."""
    files = [
        path
        for room in ("fixtures", "lab", "suites", "tests", "tools")
        for path in ROOT.glob(f"{room}/**/*.py")
    ]
    text = "\n".join(path.read_text() for path in files)
    found = re.findall(r"^\s*(?:import|from) ([a-zA-Z_]\w*)", text, re.MULTILINE)
    return set(found) | set(re.findall(r'"-m", "(\w+)', text))


@pytest.mark.parametrize("name", named())
def test_a_dependency_is_imported(name: str, imported: set[str]) -> None:
    modules = {
        module
        for module, distributions in packages_distributions().items()
        if name.lower().replace("_", "-") in {each.lower().replace("_", "-") for each in distributions}
    }
    assert modules, "it is not installed"
    assert (name in NOT_IMPORTED) != bool(modules & imported), f"nothing imports any of {sorted(modules)}"
