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
    "pytest-timeout": "pytest loads it",
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
    return imported_by("fixtures", "lab", "suites", "tests", "tools")


def imported_by(*rooms: str) -> set[str]:
    """The first names of all modules that these rooms import, also those that they import late."""
    text = "\n".join(path.read_text() for room in rooms for path in ROOT.glob(f"{room}/**/*.py"))
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


@pytest.mark.parametrize(
    ("lock", "rooms"),
    [("cluster", ("fixtures", "suites")), ("lab", ("fixtures", "suites", "lab"))],
)
def test_a_run_has_what_it_imports(lock: str, rooms: tuple[str, ...]) -> None:
    pinned = re.findall(
        r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements" / f"{lock}.lock").read_text(), re.M
    )
    known = packages_distributions()
    lacking = {
        module: known[module]
        for module in imported_by(*rooms) & known.keys()
        if not {re.sub(r"[-_.]+", "-", each.lower()) for each in known[module]} & set(pinned)
    }
    assert not lacking
