"""A pytest plugin (`-p tools.recorder --record FILE`): writes down what each case came to, in lines of JSON.

Only cases that failed, or could not be run, have a text; `verdict` is what the suites say about a failure.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

VERDICT = "verdict"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", type=Path, metavar="FILE", help="write down what each case came to")


class Recorder:
    def __init__(self, file: Path) -> None:
        self._file = file

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        yield
        if report.when != "call" and report.passed:
            return
        case = {
            "case": report.nodeid,
            "outcome": report.outcome,
            "verdict": dict(report.user_properties).get(VERDICT, ""),
            "text": report.longreprtext if report.failed else "",
        }
        with self._file.open("a") as lines:
            lines.write(json.dumps(case) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--record")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(file))
