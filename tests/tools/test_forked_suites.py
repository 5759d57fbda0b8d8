"""Runs of the suites that are forked from a process that has loaded them already."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools import forked_suites
from tools.children import Children, Ended, children


@pytest.fixture
def ours() -> Iterator[Children]:
    with children() as ours:
        yield ours


def test_a_run_has_an_exit_code_and_prints_into_its_file(ours: Children, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    assert ours.fork(lambda: forked_suites.begin(["--suite", "istio-9"], printed)) == 4
    known = "all, current, extended, istio-1.0"
    assert printed.read_text().strip() == f"ERROR: --suite istio-9: invalid choice (choose from {known})"


def test_a_run_has_the_environment_that_it_is_given(ours: Children, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    for more, code in (({"PYTEST_ADDOPTS": "--suite istio-9"}, 4), ({}, 0)):
        environment = {**os.environ, **more}
        begin = functools.partial(forked_suites.begin, ["--dry-run"], printed, None, environment)
        assert ours.fork(begin) == code, printed.read_text()


def test_runs_do_not_see_each_others_options(ours: Children, tmp_path: Path) -> None:
    printed = [tmp_path / "first", tmp_path / "second"]
    for suite, file in zip(("current", "istio-1.0"), printed, strict=True):
        options = ["--collect-only", "-q", "--suite", suite]
        assert ours.fork(lambda options=options, file=file: forked_suites.begin(options, file)) == 0
    first, second = (file.read_text() for file in printed)
    assert "<Package current>" in first
    assert "<Package istio_1_0>" not in first
    assert "<Package istio_1_0>" in second
    assert "<Package current>" not in second


def test_what_still_runs_is_ended_and_nothing_is_begun_any_more(ours: Children, tmp_path: Path) -> None:
    printed, never = tmp_path / "printed", tmp_path / "never"
    options = ["--suite", "current", "--reports", str(tmp_path / "reports")]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ours.fork, lambda: forked_suites.begin(options, printed))
        deadline = time.monotonic() + 30
        while not printed.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        ours.end()
        with pytest.raises(Ended):
            running.result(10)
    with pytest.raises(Ended):
        ours.fork(lambda: forked_suites.begin(["--version"], never))
    assert not never.exists()
