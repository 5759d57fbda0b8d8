"""A project like this one, with a suite of five cases that need no cluster: a run of it is soon over."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fixtures.report.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[3]

_FOLDERS = ("fixtures", "tools", "manifests", "meshes", "lab")
_FILES = ("conftest.py", "pytest.ini", "pyproject.toml")

# A case fails, breaks, pauses or takes for ever if its name is in the variable of that name.
_STEPS = '''\
"""What each case does."""

import os
import time
from dataclasses import dataclass

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
            raise HarnessError("it broke")
        return self.name not in os.environ.get("FAILS", "").split()


class DoesInRealTime(Does):
    REAL_TIME = True


def step(document, section, does):
    return Step(does.name, DOCUMENTS[document].section(section), expect=[does])
'''

_CONFTEST = '''\
"""Nothing is asked of any cluster."""

import pytest

from fixtures.model.errors import NotConformant
from fixtures.proving.look import Difference
from fixtures.proving.observation import Looked, Observation
from fixtures.probing.settle import Bound


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

_OTHERS = '''\
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

# Runs that are forked, one after the other: a line of JSON for each, and its exit code as the answer.
_SERVER = """
import contextlib, gc, json, os, sys
import pytest
with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
    pytest.main(["suites", "--collect-only", "-qq", "-p", "no:cacheprovider"])
gc.freeze()
for line in sys.stdin:
    arguments, variables, output = json.loads(line)
    if process := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
        continue
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.environ.update(variables)
    sys.exit(pytest.main(arguments))
"""

IDS = {
    "one": "current/setup/one",
    "two": "current/others/some/two",
    "three": "current/others/some/three",
    "four": "current/others/four",
    "five": "istio-1.0/setup/five",
}


Forked = Callable[[list[str], dict[str, str], Path], int]
"""Runs with arguments, variables of the environment and a file for what is printed; gives the exit code."""


@dataclass(frozen=True)
class SmallSuite:
    """The copy of the project, and where its runs put their reports."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> SmallSuite:
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("catalogue-*.json"))
        for name in _FILES:
            shutil.copy(ROOT / name, folder)
        described = (ROOT / "suites" / "documents.toml").read_text()
        for path, text in {
            "__init__.py": "",
            "documents.toml": described.replace("sections = [", 'sections = [\n    "Others",', 1),
            "steps.py": _STEPS,
            "conftest.py": _CONFTEST,
            "current/__init__.py": '"""Current: a document."""\n',
            "current/test_1_setup.py": _ONE,
            "current/test_2_others.py": _OTHERS,
            "istio_1_0/__init__.py": '"""Istio 1.0: a document."""\n',
            "istio_1_0/test_1_setup.py": _OLD,
        }.items():
            (folder / "suites" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "suites" / path).write_text(text)
        return cls(folder)

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pytest", "--color=no", *arguments]

    @contextmanager
    def forking(self) -> Iterator[Forked]:
        """Runs from a process that has loaded all they need."""
        options = {**self._surroundings({}), "stderr": subprocess.DEVNULL, "stdin": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-c", _SERVER], text=True, **options) as server:

            def run(arguments: list[str], variables: dict[str, str], output: Path) -> int:
                request = json.dumps([["--color=no", *arguments], variables, str(output)])
                print(request, file=server.stdin, flush=True)
                assert server.stdout
                return int(server.stdout.readline())

            yield run
            assert server.stdin
            server.stdin.close()

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A run with these arguments, and these variables in its environment."""
        return subprocess.run(
            self.command(*arguments), **self._surroundings(variables), text=True, timeout=60, check=False
        )

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """A run under way, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments), **self._surroundings(variables), start_new_session=True
        )

    def on_a_terminal(self, *arguments: str, **variables: str) -> tuple[subprocess.Popen[bytes], int]:
        """A run under way on a terminal of its own, 80 columns wide, and the terminal as its user has it."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        surroundings = self._surroundings({"TERM": "xterm", **variables}) | streams
        command = [sys.executable, "-m", "pytest", *arguments]
        # The first terminal that a session opens becomes its own, by which it learns that it is closed.
        opening = f"import os, sys; os.close(os.open({os.ttyname(theirs)!r}, os.O_RDWR))"
        code = f"{opening}; os.execv(sys.argv[1], sys.argv[1:])"
        run = subprocess.Popen([sys.executable, "-c", code, *command], start_new_session=True, **surroundings)
        os.close(theirs)
        return run, ours

    def catalogue(self) -> Catalogue:
        """Its five cases, as its own runs collect them."""
        code = "from fixtures.report.collecting import Collecting; print(Collecting().result().dump())"
        command = [sys.executable, "-c", code]
        made = subprocess.run(command, **self._surroundings({}), text=True, timeout=60, check=True)
        return Catalogue.load(made.stdout)

    def report(self) -> dict[str, Any]:
        """What the last run says it has found."""
        return dict(yaml.safe_load((self.reports / "conformance-report.yaml").read_text()))

    def verify(self) -> subprocess.CompletedProcess[str]:
        """The project's own judgement of that."""
        command = [sys.executable, "-m", "tools.verify_report", str(self.reports / "conformance-report.yaml")]
        return subprocess.run(command, **self._surroundings({}), text=True, timeout=60, check=False)

    def _surroundings(self, variables: dict[str, str]) -> dict[str, Any]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "GITHUB_", "CI"))
        }
        return {
            "cwd": self.folder,
            "env": {**kept, **variables},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
