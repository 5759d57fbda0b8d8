"""Starts a lab from the host: its namespaces, its socket, and the wait until it is ready."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.config import BadFault, LabConfig
from lab.host import host_listener, identities, preconditions, watch_reserve
from lab.host.run_directory import Lock
from lab.node.processes.syscalls import die_with_parent

LOCALHOST = "127.0.0.1"
_READY_WITHIN_S = 30.0
_LOG_LINES = 15


class PortInUse(Exception):
    """Cannot listen on the requested port; `str` says why."""


class PreconditionMissing(Exception):
    """The machine lacks something that the lab needs; `str` names it, a line each."""


class DidNotStart(Exception):
    """The lab failed to start; `str` is the reason, in one line or with the end of its log."""


@dataclass(frozen=True)
class Started:
    """A lab that is ready. `process` is the outermost of its processes; the host listener ends with it."""

    process: subprocess.Popen[bytes]
    host_listener: subprocess.Popen[bytes]
    config: LabConfig


def listen(port: int) -> socket.socket:
    """A listening socket on the host's loopback; port 0 is any. Raises PortInUse."""
    try:
        return socket.create_server((LOCALHOST, port), backlog=128)
    except OSError as error:
        why = (
            "is in use"
            if error.errno == errno.EADDRINUSE
            else f"cannot be used: {os.strerror(error.errno or 0)}"
        )
        raise PortInUse(f"port {port} of {LOCALHOST} {why}") from error


def start(
    name: str,
    lock: Lock,
    listener: socket.socket,
    *,
    mesh: str,
    faults: tuple[str, ...],
    kubeconfig: Path | None,
    with_parent: bool,
    playgrounds: int,
    images: tuple[str, ...] = (),
) -> Started:
    """Starts a lab and waits until it is ready. The caller still owns the lock and the listener.

    `with_parent`: the lab ends with the calling thread. `playgrounds`: for how many to reserve inotify
    instances. Raises PreconditionMissing, BadFault, DidNotStart; then only the lab's log is left.
    """
    if lines := preconditions.missing():
        raise PreconditionMissing("\n".join(lines))
    report_read, report_write = os.pipe()
    ours, labs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = lock.path / "lab.log"
    with log.open("wb") as output, ours, labs, _watches(playgrounds) as watches:
        config = LabConfig(
            name=name,
            mesh=mesh,
            faults=faults,
            port=listener.getsockname()[1],
            run_dir=str(lock.path),
            kubeconfig=str(kubeconfig or lock.path / "kubeconfig"),
            listener_fd=listener.fileno(),
            report_fd=report_write,
            lock_fd=lock.fd,
            host_listener_fd=labs.fileno(),
            watches_fd=watches.fileno(),
            images=images,
        )
        listening = _start_host_listener(ours, lock, output)
        process = subprocess.Popen(
            [*_unshare(), sys.executable, "-m", "lab.supervision.entrypoint", config.to_json()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            pass_fds=config.descriptors,
            start_new_session=True,
            preexec_fn=(lambda: die_with_parent(signal.SIGKILL)) if with_parent else None,
        )
    os.close(report_write)
    try:
        _wait_ready(report_read, process, log)
    except BaseException:
        process.kill()
        process.wait()
        listening.wait()
        raise
    finally:
        os.close(report_read)
    return Started(process, listening, config)


@contextmanager
def _watches(playgrounds: int) -> Iterator[socket.socket]:
    try:
        with watch_reserve.channel(playgrounds) as channel:
            yield channel
    except watch_reserve.TooFew as few:
        raise PreconditionMissing(str(few)) from few


def _start_host_listener(channel: socket.socket, lock: Lock, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """In the host's own namespaces. Bare (-I -S): it needs the standard library and a few milliseconds."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", host_listener.__file__, str(channel.fileno()), str(lock.path)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        pass_fds=[channel.fileno(), lock.fd],
        start_new_session=True,
    )


def _unshare() -> list[str]:
    return [
        "unshare",
        *identities.user_namespace(),
        *("--net", "--mount", "--pid", "--uts", "--ipc", "--fork"),
        "--mount-proc",
        *("--propagation", "private"),
        "--kill-child=KILL",
    ]


def _environment() -> dict[str, str]:
    # The lab is imported from where this module came from, whatever the working directory.
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **os.environ,
        "PATH": preconditions.search_path(),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
    }


def _wait_ready(report: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    said = b""
    while True:
        if not select.select([report], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise DidNotStart(f"not ready after {_READY_WITHIN_S:g} s\n{end_of_log(log.parent)}")
        if not (data := os.read(report, 65_536)):
            break
        said += data
        if said.endswith(b"\n"):
            break
    if said:
        message = json.loads(said)
        if "bad fault" in message:
            raise BadFault(message["bad fault"])
        if "failed" in message:
            raise DidNotStart(message["failed"])
        return
    process.wait()
    last = end_of_log(log.parent)
    if last.startswith("unshare:") and "failed to execute" not in last:
        raise PreconditionMissing(preconditions.explain_namespaces(last.partition("unshare: ")[2]))
    raise DidNotStart(f"the lab ended while starting\n{last}")


def end_of_log(run_dir: Path) -> str:
    """The last lines of the log in this run directory."""
    log = run_dir / "lab.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
