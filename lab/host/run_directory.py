"""The directory of a running lab: its locks show whether the lab runs, and all files of the lab are in it.

Two locks, both given up by the kernel however a process ends. A flock on the directory itself is inherited
by all processes of the lab: while it is held, something of the lab lives. A POSIX lock on `supervisor` is
the supervisor's alone, and tells which process that is, also across PID namespaces.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

DEFAULT_NAME = "default"
"""The name of a lab that was given none."""
PATIENCE_S = 3.0
"""How long a lab may take to end by itself."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# A Unix socket's address has 107 bytes, and a proxy's is <run>/proxies/<36 characters>/admin.sock.
_PATH_LIMIT = 107 - len("/proxies//admin.sock") - 36
# By this file a run directory is told from any other directory: what is in a run directory gets removed.
_MARK = ".lab"
_FLOCK = "hhqqi4x"  # struct flock: type, whence, start, length, pid


class LabState(TypedDict):
    """What a ready lab reports about itself, in the file `lab.json`."""

    name: str
    port: int
    mesh: str
    faults: Sequence[str]
    kubeconfig: str
    since: str


class BadName(ValueError):
    """Invalid name of a lab; `str` says why."""


class NameInUse(Exception):
    """A lab with this name is running."""


class Unusable(Exception):
    """The parent of run directories cannot be used safely."""


def base() -> Path:
    """Where this user's run directories are: in $LAB_HOME, or the user's runtime directory, or /tmp."""
    if home := os.environ.get("LAB_HOME"):
        return Path(home).resolve()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK) and Path(runtime).stat().st_uid == os.geteuid():
        return Path(runtime, "mesh-lab")
    return Path(f"/tmp/mesh-lab-{os.geteuid()}")


def directory_of(name: str) -> Path:
    """Raises BadName."""
    if not _NAME.fullmatch(name):
        raise BadName(
            f'"{name}" is not a valid name for a lab: '
            "at most 63 lower-case letters, digits, and dashes between them"
        )
    path = base() / name
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise BadName(f"{path} is too long (at most {_PATH_LIMIT} bytes): choose a shorter name or LAB_HOME")
    return path


def names() -> list[str]:
    """Every lab that is running, or has left files."""
    try:
        return sorted(
            path.name for path in base().iterdir() if _NAME.fullmatch(path.name) and (path / _MARK).exists()
        )
    except FileNotFoundError:
        return []


@dataclass
class Lock:
    """A locked run directory. The lab inherits `fd`."""

    path: Path
    fd: int

    def sweep(self) -> None:
        """Removes what a previous lab left in it, and its kubeconfig elsewhere."""
        remove_content(self.path)
        (self.path / _MARK).touch()

    def remove(self) -> None:
        """Removes the directory and its contents, and releases the lock."""
        remove_content(self.path)
        with contextlib.suppress(FileNotFoundError):
            self.path.rmdir()
        self.close()

    def close(self) -> None:
        """Releases our share of the lock; a lab that inherited it still holds it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def lock(name: str) -> Lock:
    """Creates the run directory if necessary, and locks it. Raises BadName, NameInUse, Unusable."""
    path = directory_of(name)
    _make_base(path.parent)
    while True:
        path.mkdir(mode=0o700, exist_ok=True)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # removed by a lab that just ended
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise NameInUse(f'a lab named "{name}" is running already') from None
        if _still_there(path, fd):
            if not _is_ours(path):
                os.close(fd)
                raise Unusable(
                    f"{path} is not a lab's directory, and is not touched; choose another name or LAB_HOME"
                )
            (path / _MARK).touch()
            return Lock(path, fd)
        os.close(fd)


def _is_ours(path: Path) -> bool:
    """Whether a lab created this directory, or it is empty."""
    if path.is_symlink() or not path.is_dir():
        return False
    try:
        held = [entry.name for entry in path.iterdir()]
    except FileNotFoundError:
        return True
    return not held or _MARK in held


def existing(name: str) -> Lock | None:
    """Locks what an ended lab left; None if there is nothing. Raises NameInUse if the lab runs, BadName."""
    return lock(name) if directory_of(name).exists() else None


def remove_content(path: Path) -> None:
    """Empties a run directory, and removes the copy of the kubeconfig that was written elsewhere for it."""
    state = read_state(path)
    if state and (elsewhere := Path(state["kubeconfig"])).parent != path:
        with contextlib.suppress(FileNotFoundError):
            if elsewhere.read_text() == (path / "kubeconfig").read_text():
                elsewhere.unlink()
    with contextlib.suppress(FileNotFoundError):
        # The mark goes last, so that whatever is left is known to be ours.
        for entry in sorted(path.iterdir(), key=lambda entry: entry.name == _MARK):
            if entry.is_dir() and not entry.is_symlink():
                from lab.host import identities

                identities.remove(entry)
            else:
                entry.unlink(missing_ok=True)


def read_state(path: Path) -> LabState | None:
    """What the lab of this run directory wrote once it was ready; None before."""
    try:
        state: LabState = json.loads((path / "lab.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return state


def claim_supervisor(path: Path) -> int:
    """Called by the supervisor, so that `end` finds it. The descriptor must stay open."""
    fd = os.open(path / "supervisor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def end(path: Path, patience: float) -> bool:
    """Asks the lab's supervisor to end, and kills it after `patience` seconds; False if it was not there.

    Returns when it has ended.
    """
    with _supervisor(path) as process:
        if process is None:
            return False
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], patience)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [])
    return True


def wait_until_free(path: Path, patience: float) -> None:
    """Waits until no process holds the lock. Raises NameInUse after `patience` seconds."""
    deadline = time.monotonic() + patience
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        # The kernel ends the lab's processes in some milliseconds; flock has no time limit of its own.
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NameInUse(f"processes of the lab in {path} do not end") from None
                time.sleep(0.005)
            else:
                return
    finally:
        os.close(fd)


@contextlib.contextmanager
def _supervisor(path: Path) -> Iterator[int | None]:
    """A pidfd of the process that holds the supervisor's lock."""
    try:
        fd = os.open(path / "supervisor", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    process = None
    try:
        while (holder := _holder(fd)) and process is None:
            try:
                process = os.pidfd_open(holder)
            except ProcessLookupError:
                continue
            if _holder(fd) != holder:  # it ended, and the number may be somebody else's by now
                os.close(process)
                process = None
        yield process
    finally:
        os.close(fd)
        if process is not None:
            os.close(process)


def _holder(fd: int) -> int:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else pid


def _make_base(path: Path) -> None:
    if path.is_relative_to("/dev"):
        raise Unusable(f"{path}: containers have a /dev of their own; set LAB_HOME to a directory elsewhere")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.lstat()
    except OSError as error:
        raise Unusable(
            f"{path}: {error.strerror}; set LAB_HOME to a directory that you can write to"
        ) from error
    # In /tmp somebody else may have been first.
    if path.is_symlink() or owner.st_uid != os.geteuid() or owner.st_mode & 0o022:
        raise Unusable(f"{path} is not a directory that only you can write to; set LAB_HOME to one")


def _still_there(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False
