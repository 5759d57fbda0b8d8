"""What programs of ours do with their arguments, without a process for each, which takes long to load."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]

KUBECTL = {"GOGC": "off"}
"""Variables for kubectl: it ends long before there is any garbage to collect, for which it takes a fifth of
its time."""


def ran(
    main: Callable[[list[str]], int], *arguments: str, cwd: Path = ROOT, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """What its entry point prints, and the exit code that it gives or ends with."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        mock.patch("sys.stdin", io.StringIO(stdin)),
        its_own_signals(),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            code = main([*arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())


@contextlib.contextmanager
def its_own_signals() -> Iterator[None]:
    """What a program does about signals is over with it; all processes that follow would inherit that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
