"""Whatever narrows a run: the report holds every case, and only a whole run is conformant."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fixtures.files.checked_yaml import CheckedYaml, Mistake
from fixtures.report import checks
from tests.e2e.suite.small_suite import CONFTEST, IDS, OTHERS, SmallSuite

ALL = "one two three four five"
JOBS = 3
ENDS_WITHIN_S = 120

RAN = {"passed", "failed", "could-not-tell"}

# Plugins of somebody else, as files beside the project; a run takes one by `-p`.
_PLUGINS = {
    "deselects": "def pytest_collection_modifyitems(config, items):\n"
    "    config.hook.pytest_deselected(items=items[1:])\n"
    "    del items[1:]\n",
    "drops": "import pytest\n"
    "@pytest.hookimpl(tryfirst=True)\n"
    "def pytest_collection_modifyitems(items):\n"
    "    del items[1:]\n",
    "ignores": "def pytest_ignore_collect(collection_path):\n"
    "    return True if collection_path.name == 'test_2_others.py' else None\n",
    "makes_nothing": "def pytest_pycollect_makeitem(name):\n    return [] if name == 'test_four' else None\n",
    "swallows": "def pytest_runtest_protocol(item):\n    return True if item.name == 'test_five' else None\n",
    "repeats": "def pytest_generate_tests(metafunc):\n"
    "    metafunc.fixturenames.append('again')\n"
    "    metafunc.parametrize('again', [1, 2])\n",
}


@dataclass(frozen=True)
class Chosen:
    """What a run was asked for, and what it must come to.

    ``ran`` are the cases with a result, ``reasons`` a part of why others have none. ``before`` are the cases
    that failed in an earlier run which pytest remembers; None where there was none.
    """

    arguments: str
    result: str
    code: int
    ran: str
    reasons: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    before: str | None = None
    state: str = "finished"

    @property
    def earlier(self) -> tuple[str, str] | None:
        """The option and the failures of the run that pytest remembers."""
        return None if self.before is None else ("--sw" if "--sw" in self.arguments else "--ff", self.before)


def broken(name: str) -> dict[str, str]:
    return {"FAILS": name}


ARGUMENTS = "left out by the arguments: "
FILE = "suites/current/test_2_others.py"
SUITE = "--suite current"
UNKNOWN = "left out by a plugin or the configuration of pytest"
STOPPED = "the run was stopped before"

TABLE = {
    "whole": Chosen("suites", "conformant", 0, ALL),
    "whole-without-argument": Chosen("", "conformant", 0, ALL),
    "whole-by-its-documents": Chosen("suites/current suites/istio_1_0", "conformant", 0, ALL),
    "whole-workers": Chosen("suites -n 2", "conformant", 0, ALL),
    "whole-shuffled-by-ff": Chosen("suites --ff", "conformant", 0, ALL, before="three"),
    "whole-by-nf": Chosen("suites --nf", "conformant", 0, ALL, before=""),
    "whole-by-lf": Chosen("suites --lf", "conformant", 0, ALL, before=""),
    "whole-by-sw": Chosen("suites --sw", "conformant", 0, ALL, before=""),
    "whole-without-cache": Chosen("suites -p no:cacheprovider", "conformant", 0, ALL),
    "whole-without-allure": Chosen("suites -p no:allure_pytest", "conformant", 0, ALL),
    "one-fails": Chosen("suites", "not-conformant", 1, ALL, variables=broken("two")),
    "one-breaks": Chosen("suites", "could-not-tell", 3, ALL, variables={"BREAKS": "two"}),
    "quick": Chosen("suites --mode quick", "partial", 0, "one two three five", {"four": "--mode quick"}),
    "suite": Chosen(f"suites {SUITE}", "partial", 0, "one two three four", {"five": f"left out by {SUITE}"}),
    "suite-breaks": Chosen(
        f"suites {SUITE}", "could-not-tell", 3, "one two three four", variables={"BREAKS": ALL}
    ),
    "mesh": Chosen(
        "suites --mesh reference",
        "conformant",
        0,
        "one two three four",
        {"five": "reference implements current"},
    ),
    "mesh-and-suite": Chosen(
        f"suites --mesh reference {SUITE}",
        "conformant",
        0,
        "one two three four",
        {"five": "reference implements current"},
    ),
    "mesh-and-folder": Chosen(
        "suites/current --mesh reference",
        "conformant",
        0,
        "one two three four",
        {"five": "reference implements current"},
    ),
    "mesh-and-k": Chosen(
        "suites --mesh reference -k some",
        "partial",
        0,
        "two three",
        {"one": "left out by -k 'some'", "five": "reference implements current"},
    ),
    "k": Chosen(
        "suites -k some", "partial", 0, "two three", {"one": "left out by -k 'some'", "five": "-k 'some'"}
    ),
    "k-workers": Chosen("suites -k some -n 2", "partial", 0, "two three", {"one": "left out by -k 'some'"}),
    "m": Chosen("suites -m real_time", "partial", 0, "four", {"one": "left out by -m 'real_time'"}),
    "k-and-suite": Chosen(
        f"suites {SUITE} -k some", "partial", 0, "two three", {"one": "left out by -k 'some'", "five": SUITE}
    ),
    "k-nothing": Chosen("suites -k nothing", "not-run", 5, "", {"one": "left out by -k 'nothing'"}),
    "deselect": Chosen(
        f"suites --deselect {FILE}::test_some",
        "partial",
        0,
        "one four five",
        {"two": f"left out by --deselect {FILE}::test_some"},
    ),
    "ignore": Chosen(
        f"suites --ignore suites/istio_1_0 --ignore {FILE}",
        "partial",
        0,
        "one",
        {"two": f"left out by --ignore {FILE}", "five": "suites/istio_1_0"},
    ),
    "ignore-glob": Chosen(
        "suites --ignore-glob suites/*/test_2*",
        "partial",
        0,
        "one five",
        {"two": "left out by --ignore-glob suites/*/test_2*"},
    ),
    "folder": Chosen("suites/istio_1_0", "partial", 0, "five", {"one": f"{ARGUMENTS}suites/istio_1_0"}),
    "folder-breaks": Chosen(
        "suites/istio_1_0", "could-not-tell", 3, "five", {"one": ARGUMENTS}, variables={"BREAKS": "five"}
    ),
    "file": Chosen(f"{FILE}", "partial", 0, "two three four", {"one": ARGUMENTS, "five": ARGUMENTS}),
    "node": Chosen(f"{FILE}::test_some[two]", "partial", 0, "two", {"three": ARGUMENTS}),
    "function": Chosen(f"{FILE}::test_some", "partial", 0, "two three", {"four": ARGUMENTS}),
    "lf": Chosen(
        "suites --lf",
        "partial",
        0,
        "three",
        {"two": "left out by --lf", "one": "by --lf", "five": "by --lf"},
        before="three",
    ),
    "lf-workers": Chosen(
        "suites --lf -n 2", "partial", 0, "three", {"two": "by --lf", "one": "by --lf"}, before="three"
    ),
    "lf-again": Chosen(
        "suites --lf",
        "not-conformant",
        1,
        "three",
        {"one": "left out by --lf"},
        broken("three"),
        before="three",
    ),
    "lf-none": Chosen("suites --lf --lfnf none", "not-run", 5, "", {"one": "left out by --lf"}, before=""),
    "lf-of-a-file": Chosen(
        "suites/current --lf", "partial", 0, "three", {"one": "by --lf", "five": ARGUMENTS}, before="three"
    ),
    "sw": Chosen(
        "suites --sw", "partial", 0, "three four five", {"one": "left out by --stepwise"}, before="three"
    ),
    "sw-stops": Chosen(
        "suites --sw", "not-conformant", 1, "one two", {"three": STOPPED}, broken("two"), state="stopped"
    ),
    "sw-skip": Chosen(
        "suites --sw-skip",
        "not-conformant",
        1,
        "three four five",
        {"one": "left out by --stepwise"},
        broken("three"),
        before="three",
    ),
    "x": Chosen(
        "suites -x", "not-conformant", 1, "one two", {"four": STOPPED}, broken("two"), state="stopped"
    ),
    "x-breaks": Chosen(
        "suites -x", "could-not-tell", 3, "one two", {"four": STOPPED}, {"BREAKS": "two"}, state="stopped"
    ),
    "x-passes": Chosen("suites --exitfirst", "conformant", 0, ALL),
    "x-workers": Chosen(
        "suites -x -n 1", "not-conformant", 1, "one two", {"four": STOPPED}, broken("two"), state="stopped"
    ),
    "maxfail": Chosen(
        "suites --maxfail 2",
        "not-conformant",
        1,
        "one two three",
        {"four": STOPPED},
        broken("two three"),
        state="stopped",
    ),
    "setup-only": Chosen("suites --setup-only", "incomplete", 2, "", {"one": STOPPED}, state="stopped"),
    "plugin-deselects": Chosen(
        "suites -p deselects", "partial", 0, "one", {"two": "left out by the plugin deselects"}
    ),
    "plugin-drops": Chosen("suites -p drops", "partial", 0, "one", {"two": UNKNOWN}),
    "plugin-drops-workers": Chosen("suites -p drops -n 2", "partial", 0, "one", {"two": UNKNOWN}),
    "plugin-ignores": Chosen("suites -p ignores", "partial", 0, "one five", {"two": UNKNOWN}),
    "plugin-makes-nothing": Chosen(
        "suites -p makes_nothing", "partial", 0, "one two three five", {"four": UNKNOWN}
    ),
    "plugin-swallows": Chosen(
        "suites -p swallows", "incomplete", 2, "one two three four", {"five": STOPPED}, state="stopped"
    ),
    "variable": Chosen(
        "suites", "partial", 0, "two three", {"one": "left out by -k 'some'"}, {"PYTEST_ADDOPTS": "-k some"}
    ),
    "variable-plugin": Chosen(
        "suites", "partial", 0, "one five", {"two": UNKNOWN}, {"PYTEST_PLUGINS": "ignores"}
    ),
    "configuration": Chosen(
        "suites -o python_functions=test_s*", "partial", 0, "two three", {"one": UNKNOWN}
    ),
    "conftest": Chosen("suites", "partial", 0, "one five", {"two": UNKNOWN}, {"CONFTEST": "1"}),
}


@dataclass(frozen=True)
class Came:
    """What a run printed and ended with, and its report; ``mistakes`` is what our own check makes of that."""

    output: str
    code: int
    report: dict[str, Any]
    mistakes: list[Mistake]

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.report["cases"] if row["id"] == IDS[name])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSuite]:
    # As somebody could have added a hook of their own.
    conftest = (
        f"{CONFTEST}\n"
        "import os\n"
        "def pytest_ignore_collect(collection_path):\n"
        "    ignored = os.environ.get('CONFTEST') and collection_path.name == 'test_2_others.py'\n"
        "    return True if ignored else None\n"
    )
    with SmallSuite.made(tmp_path_factory.mktemp("small"), {"conftest.py": conftest}) as suite:
        for name, text in _PLUGINS.items():
            (suite.folder / f"{name}.py").write_text(text)
        yield suite


class Runs:
    """Runs of the small suite, several at a time, each with its own reports and what pytest remembers."""

    def __init__(self, small: SmallSuite) -> None:
        self._small = small
        self._catalogue = small.catalogue()
        self._folder = small.folder / "of"
        self._folder.mkdir()

    def remembered(self, earlier: tuple[str, str]) -> Path:
        """What pytest remembers of a run in which these cases failed."""
        option, failed = earlier
        name = f"before{option}-{failed}"
        self._run(name, ["suites", option, "-o", f"cache_dir=of/{name}.cache"], broken(failed))
        return self._folder / f"{name}.cache"

    def come(self, name: str, remembered: Future[Path] | None) -> Came:
        chosen, arguments = TABLE[name], TABLE[name].arguments.split()
        if remembered:
            shutil.copytree(remembered.result(), self._folder / f"{name}.cache")
        if "no:cacheprovider" not in arguments:
            arguments += ["-o", f"cache_dir=of/{name}.cache"]
        code, output = self._run(name, arguments, chosen.variables)
        report = self._folder / name / "conformance-report.yaml"
        assert report.exists(), f"no report; exit code {code}\n{output}"
        checked = CheckedYaml(report.read_text())
        return Came(output, code, checked.data, checks.mistakes(checked, self._catalogue))

    def _run(self, name: str, arguments: list[str], variables: dict[str, str]) -> tuple[int, str]:
        run = self._small.begin(*arguments, "--reports", str(self._folder / name), **variables)
        return run.forked.wait(ENDS_WITHIN_S), run.stdout + run.stderr


@pytest.fixture(scope="module")
def came(small: SmallSuite, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Came]]]:
    """What the rows that are asked for have come to."""
    items = [
        item
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and "row" in item.fixturenames
    ]
    asked = dict.fromkeys(str(item.callspec.params["row"]) for item in items)
    with ThreadPoolExecutor(JOBS) as pool:
        runs = Runs(small)
        earlier = {what for row in asked if (what := TABLE[row].earlier)}
        remembered = {what: pool.submit(runs.remembered, what) for what in earlier}
        before = {row: TABLE[row].earlier for row in asked}
        yield {
            row: pool.submit(runs.come, row, remembered[what] if (what := before[row]) else None)
            for row in asked
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", TABLE)
def test_a_selection_comes_to(row: str, came: dict[str, Future[Came]]) -> None:
    wanted, run = TABLE[row], came[row].result()
    report = run.report
    assert (report["result"], run.code) == (wanted.result, wanted.code), run.output
    assert (report["run"]["state"], report["run"]["exitCode"]) == (wanted.state, run.code)
    assert [case["id"] for case in report["cases"]] == list(IDS.values())
    assert [name for name in IDS if run.row(name)["result"] in RAN] == wanted.ran.split()
    for name, reason in wanted.reasons.items():
        assert reason in run.row(name)["reason"]
    assert run.mistakes == []
    (said,) = re.findall(r"^conclusion +(.*)$", run.output, re.MULTILINE)
    assert " all " not in said or wanted.result == "conformant"


@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith(("suite", "folder"))])
def test_nothing_is_said_of_a_document_that_was_not_asked_for(
    row: str, came: dict[str, Future[Came]]
) -> None:
    run = came[row].result()
    said = {mesh["document"]: mesh["result"] for mesh in run.report["implementations"]}
    other = "istio-1.0" if row.startswith("suite") else "current"
    assert said[other] == "not-run"
    assert re.search(rf"^{other} +\d not run$", run.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["suites", "tests/test_mine.py"],
            "tests/test_mine.py::test_mine is not a case of the suites; run other tests separately",
        ),
        (
            ["suites", "-n", "2", "tests/test_mine.py"],
            "tests/test_mine.py::test_mine is not a case of the suites",
        ),
        (["suites", "-p", "repeats"], "test_one[1] is not a case of the suites"),
        (["suites", "--rootdir", "/"], "test_one is not a case of the suites"),
        (["--keep-duplicates", "suites/current/test_1_setup.py", "suites"], "test_one would run twice"),
    ],
)
def test_what_no_report_could_hold_is_refused(
    arguments: list[str], complaint: str, small: SmallSuite, tmp_path: Path
) -> None:
    (small.folder / "tests").mkdir(exist_ok=True)
    (small.folder / "tests" / "test_mine.py").write_text("def test_mine():\n    assert False\n")
    run = small.run(*arguments, "--reports", str(tmp_path / "reports"))
    assert run.returncode == 4, run.stdout
    assert complaint in run.stdout + run.stderr
    assert not (tmp_path / "reports").exists()


@pytest.fixture
def uncollectable(small: SmallSuite, came: dict[str, Future[Came]]) -> Iterator[None]:
    """While a test lasts, the suite has a module that cannot be loaded; no other run is under way."""
    wait(came.values())
    module = small.folder / "suites" / "current" / "test_3_broken.py"
    module.write_text(f"{OTHERS}import nosuch\n")
    yield
    module.unlink()


@pytest.mark.usefixtures("uncollectable")
def test_a_suite_that_cannot_be_collected_is_not_left_out_by_anybody(small: SmallSuite) -> None:
    for options in ([], ["--continue-on-collection-errors"], ["-n", "2"]):
        run = small.run("suites", *options)
        assert run.returncode == 3, run.stdout
        assert "No module named 'nosuch'" in run.stdout
        assert "conforms" not in run.stdout
        assert small.report()["result"] == "could-not-tell"
        shutil.rmtree(small.reports)
