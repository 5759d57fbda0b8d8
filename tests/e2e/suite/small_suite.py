"""A project like this one, with a suite of five cases that need no cluster: a run of it is soon over."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from fixtures.report.catalogue import Catalogue
from tests.e2e.suite.forking import Forked, ForkServer

ROOT = Path(__file__).resolve().parents[3]
ENDS_WITHIN_S = 60

_FOLDERS = ("fixtures", "tools", "manifests", "meshes", "lab")
_FILES = ("conftest.py", "pytest.ini", "pyproject.toml")

# A case fails, breaks, crashes, pauses or takes for ever if its name is in the variable of that name.
_STEPS = '''\
"""What each case does."""

import os
import time
from dataclasses import dataclass, field
from itertools import count

from fixtures.model.errors import HarnessError
from fixtures.model.document import DOCUMENTS
from fixtures.model.expectation import Expectation
from fixtures.model.step import Step


@dataclass(frozen=True)
class Does(Expectation):
    name: str

    KIND = "some"

    def expects(self):
        return f"{self.name} is done"

    def act(self):
        if self.name in os.environ.get("SLOW", "").split():
            time.sleep(60)
        if self.name in os.environ.get("PAUSE", "").split():
            time.sleep(float(os.environ["SECONDS"]))
        if self.name in os.environ.get("BREAKS", "").split():
            raise HarnessError(os.environ.get("COMPLAINT", "it broke"))
        if self.name in os.environ.get("CRASHES", "").split():
            raise RuntimeError(os.environ["COMPLAINT"])
        return self.name not in os.environ.get("FAILS", "").split()


class DoesInRealTime(Does):
    REAL_TIME = True


def step(document, section, does):
    return Step(does.name, DOCUMENTS[document].section(section), expect=[does])
'''

CONFTEST = '''\
"""Nothing is asked of any cluster, and none is made ready for workers, unless WITH_LAB says so."""

import contextlib
import os
from pathlib import Path

import pytest

from fixtures.model.errors import NotConformant
from fixtures.proving.look import Difference
from fixtures.proving.observation import Looked, Observation
from fixtures.probing.settle import Bound
from fixtures.pytest_plugin import target
from fixtures.targets.provisioning import Provisioned


@contextlib.contextmanager
def nowhere(config, profile):
    yield Provisioned("nowhere", Path(os.devnull), "nowhere", 0, "nowhere")


if "WITH_LAB" not in os.environ:
    target._OPENERS["lab"] = nowhere


class Acting:
    def prove(self, cases):
        return {case: self.done(case) for case in cases}

    def done(self, case):
        right, text = case.expectation.act(), case.expectation.expects()
        wrong = () if right else (Difference("it is wrong", "do it again"),)
        looks = [Looked(0, 0, [each.line for each in wrong], text)]
        return Observation(case, text, text, right, Bound(), looks, differences=wrong)

    def finding(self, seen):
        return NotConformant("it is wrong")


@pytest.fixture
def prover():
    return Acting()
'''

_ONE = '''\
"""Setup."""

from suites.steps import Does, step

STEPS = [step("current", "Setup", Does("one", test="one", label=""))]
'''

OTHERS = '''\
"""Others."""

from suites.steps import Does, DoesInRealTime, step

STEPS = [
    *(step("current", "Others", Does(name)) for name in ("two", "three")),
    step("current", "Others", DoesInRealTime("four", test="four", label="")),
]
'''

_OLD = '''\
"""Setup."""

from suites.steps import Does, step

STEPS = [step("istio-1.0", "Setup", Does("five", test="five", label=""))]
'''

IDS = {
    "one": "current/setup/one",
    "two": "current/others/some/two",
    "three": "current/others/some/three",
    "four": "current/others/four",
    "five": "istio-1.0/setup/five",
}


@dataclass(frozen=True)
class Run:
    """A run under way, or over, and the files that it prints into."""

    forked: Forked
    output: Path
    errors: Path

    @property
    def stdout(self) -> str:
        return self.output.read_text()

    @property
    def stderr(self) -> str:
        return self.errors.read_text()

    @property
    def returncode(self) -> int | None:
        return self.forked.poll()


@dataclass(frozen=True)
class SmallSuite:
    """The copy of the project, what its runs are forked from, and where they put their reports."""

    folder: Path
    forks: ForkServer
    _numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    @contextmanager
    def made(cls, folder: Path, instead: Mapping[str, str] | None = None) -> Iterator[SmallSuite]:
        """``instead``: the text of files of its suite, by their names."""
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("catalogue-*.json"))
        for name in _FILES:
            shutil.copy(ROOT / name, folder)
        described = (ROOT / "suites" / "documents.toml").read_text()
        for path, text in {
            "__init__.py": "",
            "documents.toml": described.replace("sections = [", 'sections = [\n    "Others",', 1),
            "steps.py": _STEPS,
            "conftest.py": CONFTEST,
            "current/__init__.py": '"""Current: a document."""\n',
            "current/test_1_setup.py": _ONE,
            "current/test_2_others.py": OTHERS,
            "istio_1_0/__init__.py": '"""Istio 1.0: a document."""\n',
            "istio_1_0/test_1_setup.py": _OLD,
            **(instead or {}),
        }.items():
            (folder / "suites" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "suites" / path).write_text(text)
        (folder / "printed").mkdir()
        with ForkServer.running(folder, _variables()) as forks:
            yield cls(folder, forks)

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def run(self, *arguments: str, **variables: str) -> Run:
        """A run with these arguments, and these variables in its environment, to its end."""
        run = self.begin(*arguments, **variables)
        run.forked.wait(ENDS_WITHIN_S)
        return run

    def begin(self, *arguments: str, **variables: str) -> Run:
        """A run under way, in a process group of its own."""
        return self._begin(_pytest("--color=no", *arguments), variables)

    def by_its_command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A run as its user starts it, who reads from a pipe what it prints."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--color=no", *arguments],
            cwd=self.folder,
            env=_variables(variables),
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )

    def on_a_terminal(self, *arguments: str, **variables: str) -> tuple[Forked, int]:
        """A run under way on a terminal of its own, 80 columns wide, and the terminal as its user has it."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        terminal = _variables({"TERM": "xterm", **variables})
        run = self.forks.begin(_pytest(*arguments), terminal, [theirs] * 3)
        os.close(theirs)
        return run, ours

    def catalogue(self) -> Catalogue:
        """Its five cases, as its own runs collect them."""
        made = self._begin(
            "from fixtures.report.collecting import Collecting; print(Collecting().result().dump())", {}
        )
        assert made.forked.wait(ENDS_WITHIN_S) == 0, made.stderr
        return Catalogue.load(made.stdout)

    def report(self) -> dict[str, Any]:
        """What the last run says it has found."""
        return dict(yaml.safe_load((self.reports / "conformance-report.yaml").read_text()))

    def _begin(self, code: str, variables: Mapping[str, str]) -> Run:
        name = self.folder / "printed" / str(next(self._numbers))
        output, errors = name.with_suffix(".output"), name.with_suffix(".errors")
        with Path(os.devnull).open("rb") as nothing, output.open("wb") as out, errors.open("wb") as err:
            streams = [each.fileno() for each in (nothing, out, err)]
            return Run(self.forks.begin(code, _variables(variables), streams), output, errors)


def _pytest(*arguments: str) -> str:
    return (
        f"import pytest; from tools import forked_workers; arguments = {list(arguments)!r}; "
        "forked_workers.wanted_by(arguments); raise SystemExit(pytest.main(arguments))"
    )


def _variables(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a run: nothing of the pipeline or of the tests that it is started by."""
    ours = ("PYTEST_", "GITHUB_", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(more or {})
