"""How far a run is: on a terminal, and not in a file, in a pipe, or where silence is asked for."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.e2e.suite.small_suite import SmallSuite

SHOWN_WITHIN_S = 60
ERASES = b"\x1b[2K"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSuite]:
    with SmallSuite.made(tmp_path_factory.mktemp("small")) as suite:
        yield suite


def seen(terminal: int, *wanted: bytes) -> bytes:
    """What a terminal shows until each of these patterns has been shown, or until its run has ended."""
    shown = b""
    deadline = time.monotonic() + SHOWN_WITHIN_S
    while time.monotonic() < deadline:
        if wanted and all(re.search(pattern, shown) for pattern in wanted):
            return shown
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # nobody has the other end any more
            return shown
    raise AssertionError(shown.decode())


def test_a_terminal_shows_how_far_a_run_is_and_for_how_long_it_is_at_it(small: SmallSuite) -> None:
    run, terminal = small.on_a_terminal("suites", PAUSE="three", SECONDS="3")
    # Below the line of the case that is under way; half a second later there is another time.
    shown = seen(
        terminal, rb"::test_some\[three\] \n?\r?\n2/5  0:0\d", rb"2/5  0:0(\d)(?s:.)*2/5  0:0(?!\1)\d"
    )
    shown += seen(terminal)
    assert run.wait(SHOWN_WITHIN_S) == 0
    os.close(terminal)
    # Whatever was shown was erased again, and the cursor put back behind the case.
    last = shown[shown.rindex(b"2/5  0:0") :]
    case = "suites/current/test_2_others.py::test_some[three] "
    columns = (len(case), len(f"{case}PASSED"))  # it may be the moment in which the case ends
    back = tuple(ERASES + b"\x1b[A\x1b[%dC" % column for column in columns)
    assert last[last.index(ERASES) :].startswith(back)
    assert b"1/5" not in shown[shown.index(b"conformance of") :]


def test_the_second_run_knows_how_long_it_will_take(small: SmallSuite) -> None:
    assert small.run("suites").returncode == 0
    run, terminal = small.on_a_terminal("suites", PAUSE="three", SECONDS="2")
    seen(terminal, rb"2/5  0:0\d  about 0:0\d left")
    seen(terminal)
    assert run.wait(SHOWN_WITHIN_S) == 0
    os.close(terminal)


@pytest.mark.parametrize(("options", "variables"), [(["-q"], {}), ([], {"CI": "true"}), (["-s"], {})])
def test_a_terminal_is_left_alone_where_somebody_wants_it_so(
    options: list[str], variables: dict[str, str], small: SmallSuite
) -> None:
    run, terminal = small.on_a_terminal("suites", *options, PAUSE="three", SECONDS="1", **variables)
    shown = seen(terminal)
    assert run.wait(SHOWN_WITHIN_S) == 0
    os.close(terminal)
    assert ERASES not in shown
    assert b"2/5" not in shown


def test_a_pipe_gets_a_line_for_each_case_and_nothing_else(small: SmallSuite) -> None:
    run = small.by_its_command("suites", PAUSE="three", SECONDS="1")
    assert "\x1b" not in run.stdout
    assert "2/5" not in run.stdout
    assert "\nsuites/current/test_2_others.py::test_some[three] PASSED\n" in run.stdout
