"""Nodes of tests, forked from a process that has loaded what all of them need, which takes longest of all.

``python -m tests.node.forked_nodes`` is that process. It is told one `Wanted` after the other, a line of JSON
each, and answers each with a line when it is over: its exit code, -N after signal N. A node is in namespaces
of its own, as ``unshare`` makes them for others, and ends with the process.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from lab.host import preconditions
from lab.node.processes import syscalls

ROOT = Path(__file__).resolve().parents[2]

WITHIN_S = 60.0

CLONE_NEWPID = 0x2000_0000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
_OF_A_NODE = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET | CLONE_NEWPID


@dataclass(frozen=True)
class Wanted:
    """A scenario, by module and name; the node's directory; whether httpbin is copied; a file for output."""

    scenario: str
    directory: str
    copied: bool
    output: str


class ForkedNodes:
    """The process that nodes are forked from, one at a time. It is started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, wanted: Wanted) -> int:
        """The exit code of a node. Raises TimeoutError after WITHIN_S."""
        process = self._process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asdict(wanted)) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], WITHIN_S)[0]:
            self.close()
            raise TimeoutError(f"{wanted.scenario} goes on after {WITHIN_S:g} s")
        return int(process.stdout.readline())

    def close(self) -> None:
        """Ends it, and the node that still runs."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.node.forked_nodes"],
            cwd=ROOT,
            env=os.environ | {"PATH": preconditions.search_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def main(node: Callable[[str, Path, bool], NoReturn]) -> None:
    """Forks nodes until nobody wants one any more."""
    gc.freeze()
    for line in sys.stdin:
        wanted = Wanted(**json.loads(line))
        print(_exit_code(lambda wanted=wanted: _enter(wanted, node)), flush=True)  # noqa: T201


def _exit_code(child: Callable[[], NoReturn]) -> int:
    """Of a fork that ends with this process."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        child()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 - shown by the test
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _enter(wanted: Wanted, node: Callable[[str, Path, bool], NoReturn]) -> NoReturn:
    output = os.open(wanted.output, os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.closerange(3, 64)
    syscalls.unshare(_OF_A_NODE)
    _mount("none", "/", MS_REC | MS_PRIVATE)
    # The next one is process 1 of the namespace, the end of which is the end of all others in it.
    code = _exit_code(lambda: _as_process_1(wanted, node))
    sys.exit(code if code >= 0 else 128 - code)


def _mount(kind: str, target: str, flags: int) -> None:
    """By the system call: the program looks at the user's number, and not at what they may do."""
    if ctypes.CDLL(None, use_errno=True).mount(kind.encode(), target.encode(), kind.encode(), flags, None):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"mount({kind} on {target})")


def _as_process_1(wanted: Wanted, node: Callable[[str, Path, bool], NoReturn]) -> NoReturn:
    _mount("proc", "/proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    node(wanted.scenario, Path(wanted.directory), wanted.copied)


if __name__ == "__main__":
    from tests.node import real_node

    main(real_node.become)
