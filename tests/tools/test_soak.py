"""Runs again and again end when somebody says so, in the middle of one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tools import forked_suites, soak
from tools.children import children

RUN_S = 30


def test_a_sigterm_ends_the_run_that_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun = threading.Event()

    def run(_options: Any, _folder: Path, ours: Any) -> tuple[int, str]:
        def begin() -> Any:
            process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(RUN_S,))
            process.start()
            begun.set()
            return process

        return ours.fork(begin), ""

    def end() -> None:
        begun.wait(RUN_S)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(soak, "REPORTS", tmp_path)
    monkeypatch.setattr(forked_suites, "run", run)
    threading.Thread(target=end).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), children() as ours:
        soak._run([soak.Installed("extended", "istio")], 1, ours)
    assert time.monotonic() - start < RUN_S / 2
