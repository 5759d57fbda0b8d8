"""The documentation names what there is: files, pages, headings, commands; and its lines can be read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from lab.cli.main import main as lab
from tests.docs.markdown import ROOT, Page, pages

pytestmark = pytest.mark.reference_only("of the documentation")

LONGEST = 120
PAGES = pages()
MADE_BY_A_COMMAND = {"suites/extended/seen.yaml"}
ROOMS = {path.name for path in ROOT.iterdir() if path.is_dir()} | {".github"}

each_page = pytest.mark.parametrize("page", PAGES, ids=[page.path for page in PAGES])


@each_page
def test_lines_of_prose_are_short(page: Page) -> None:
    long = [
        f"{page.path}:{line.number}: {len(line.text)} characters"
        for line in page.lines
        if len(line.text) > LONGEST and not line.is_code and not line.is_table and not _is_one_word(line.text)
    ]
    assert not long


def _is_one_word(line: str) -> bool:
    """Whether it could not be broken: a link or a long address."""
    return len(re.sub(r"\]\([^)]*\)|`[^`]*`", "", line).split()) <= 2


@each_page
def test_links_lead_somewhere(page: Page) -> None:
    lost = [f"{page.path}:{number}: {target}" for number, target in page.links if not _is_there(page, target)]
    assert not lost


def _is_there(page: Page, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = unquote(target).partition("#")
    file = (ROOT / page.path).parent / path if path else ROOT / page.path
    if not file.exists():
        return False
    return not anchor or anchor in Page(str(file.resolve().relative_to(ROOT))).anchors


@each_page
def test_files_that_it_names_are_there(page: Page) -> None:
    lost = [
        f"{page.path}:{number}: {named}"
        for number, span in page.spans
        for named in [re.split(r"(?<=\.py)::?", span)[0].rstrip("/")]
        if _is_a_path(named) and named not in MADE_BY_A_COMMAND and not (ROOT / named).exists()
    ]
    assert not lost


def _is_a_path(text: str) -> bool:
    """Of a file of the project, and neither a pattern nor with a place for a name in it."""
    return bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)+", text)) and text.split("/")[0] in ROOMS - {"reports"}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@each_page
def test_targets_of_make_are_there(page: Page) -> None:
    named = {
        target
        for _, text in page.commands
        for target in re.findall(r"(?:^|[`$;&|]) *make ([a-z][a-z-]*)", text)
    }
    assert named - targets() <= {"mymesh"}


@each_page
def test_modules_that_it_runs_are_there(page: Page) -> None:
    named = {module for _, text in page.commands for module in re.findall(r"python3? -m ([\w.]+\w)", text)}
    ours = {module for module in named if module.split(".")[0] in ROOMS}
    assert not [module for module in ours if importlib.util.find_spec(module) is None]


@each_page
def test_options_of_a_run_are_there(page: Page, pytestconfig: pytest.Config) -> None:
    known = {name for group in _groups(pytestconfig) for option in group.options for name in option.names()}
    commands = [text.partition("pytest suites")[2] for _, text in page.commands]
    named = {option for text in commands for option in re.findall(r"(?<=[\s\[])(--[a-z][a-z-]+)", text)}
    assert not named - known


@each_page
def test_options_of_the_lab_are_there(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    for command in [text for _, text in page.commands if re.search(r"python -m lab \w", text)]:
        verb, *more = re.findall(r"\w+", _of_the_lab(command))
        known = _options_of_the_lab(verb, *more[:1] if verb == "images" else "", capsys=capsys)
        assert set(re.findall(r"(?<=[\s\[])(--[a-z][a-z-]+)", _of_the_lab(command))) <= known, command


def _options_of_the_lab(*command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit) as end:
        lab([*command, "--help"])
    assert end.value.code == 0, command
    return set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))


def _of_the_lab(command: str) -> str:
    """What stands behind `python -m lab`, up to the end of that command."""
    return re.split(r"[)|;`]", command.partition("python -m lab")[2])[0]


def _groups(config: pytest.Config) -> list[pytest.OptionGroup]:
    return [*config._parser._groups, config._parser._anonymous]


def test_every_page_of_docs_is_linked() -> None:
    """From README or from a page that is."""
    linked = {
        str(((ROOT / page.path).parent / target.partition("#")[0]).resolve().relative_to(ROOT))
        for page in PAGES
        for _, target in page.links
        if not re.match(r"[a-z]+:|#", target)
    }
    assert {page.path for page in PAGES if page.path.startswith("docs/")} <= linked


@pytest.mark.parametrize("notice", [path for path in ROOT.glob("lab/**/*") if path.name in ("crds", "data")])
def test_material_of_others_says_whose_it_is(notice: Path) -> None:
    assert "Apache License, Version 2.0" in " ".join((notice / "NOTICE").read_text().split())
    assert str(notice.relative_to(ROOT)) in " ".join((ROOT / "NOTICE").read_text().split())
