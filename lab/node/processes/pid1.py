"""Process 1 of the lab: reaps orphans, and starts programs in the namespaces of pods for the supervisor.

It is a small process on purpose. To enter namespaces between fork and exec a real fork is needed, and forking
the supervisor with all its memory takes ten times as long. Messages are JSON over a SOCK_SEQPACKET socket
pair; everything long (arguments, environment) comes in a memory file, so that a message always fits.

From the supervisor: `{"op": "start", "id": N}` with descriptors [request, *those that the request names], or
`{"op": "signal", "id": N, "signal": S, "group": bool}`. To it: `{"id": N, "pid": P}` or
`{"id": N, "failed": {...}}`, and `{"id": N, "code": C}` when the program ended (128 + S for signal S).
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import select
import signal
import socket
import sys
import termios
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from lab.node.processes import mounts, prepared, syscalls
from lab.node.processes.messages import Failure, Signal, Start, StartRequest, Told

_MESSAGE_LIMIT = 4096
_DESCRIPTOR_LIMIT = 16


def serve(
    channel: socket.socket, supervisor: int, hidden: Sequence[str], copied: prepared.Prepared | None = None
) -> NoReturn:
    """Works until the supervisor (a child process) ends, then exits with its code.

    The kernel then ends every other process of the PID namespace. Containers see directories `hidden` empty.
    A program that can be `copied` is.
    """
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, _note)
    starter = _Starter(channel, mounts.build_template(), hidden, copied)
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        starter.reap(supervisor)
        for fd, _ in poll.poll():
            if fd == wake_read:
                os.read(wake_read, 512)
            else:
                starter.receive(supervisor)


def _note(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor does the work; without a handler SIGCHLD would be ignored."""


class _Starter:
    def __init__(
        self, channel: socket.socket, template: int, hidden: Sequence[str], copied: prepared.Prepared | None
    ) -> None:
        self._channel = channel
        self._template = template
        self._hidden = hidden
        self._copied = copied
        self._copies: prepared.Copies | None = None
        self._started: dict[int, tuple[int, bool]] = {}  # pid -> (id, whether its group ends with it)
        self._pids: dict[int, int] = {}  # id -> pid

    def receive(self, supervisor: int) -> None:
        try:
            data, fds = _receive(self._channel)
        except ConnectionResetError:
            data, fds = b"", []
        if not data:
            # The supervisor closed its end: it is ending.
            _, status = os.waitpid(supervisor, 0)
            sys.exit(_code(status))
        message: Start | Signal = json.loads(data)
        if message["op"] == "start":
            self._start(message["id"], fds)
            self._prepare()
        else:
            self._signal(message)

    def _prepare(self) -> None:
        """Not before a first program: till then the supervisor imports, and each would wait for the other."""
        if self._copied and self._copies is None:
            self._copies = prepared.Copies(self._copied, self._enter_copy)

    def _signal(self, message: Signal) -> None:
        # Not reaped yet, therefore still the same process.
        if (pid := self._pids.get(message["id"])) is not None:
            (os.killpg if message["group"] else os.kill)(pid, message["signal"])

    def _start(self, number: int, fds: Sequence[int]) -> None:
        request = _request_in(fds[0])
        report_read, report_write = os.pipe2(os.O_CLOEXEC)
        pid = self._copied_process(request, [*fds, report_write])
        if pid is None:
            pid = os.fork()
            if pid == 0:
                _become(request, _by_name(request, fds), self._template, self._hidden, report_write)
        for fd in (*fds, report_write):
            os.close(fd)
        with os.fdopen(report_read, "rb") as report:
            failure = report.read()
        if failure:
            os.waitpid(pid, 0)
            self._tell({"id": number, "failed": json.loads(failure)})
            return
        self._started[pid] = (number, request["group_ends"])
        self._pids[number] = pid
        self._tell({"id": number, "pid": pid})

    def _copied_process(self, request: StartRequest, fds: Sequence[int]) -> int | None:
        if self._copies and self._copies.fit(request["argv"]):
            return self._copies.copy(fds)
        return None

    def _enter_copy(self, fds: Sequence[int]) -> NoReturn:
        """In a copy: the same as in any new process, of the descriptors of its start and where it reports."""
        *given, report = fds
        request = _request_in(given[0])
        _become(request, _by_name(request, given), self._template, self._hidden, report, self._copied)

    def reap(self, supervisor: int) -> None:
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            number, group_ends = self._started.pop(pid, (None, False))
            if group_ends:
                # While the leader is not reaped its process group cannot be another one.
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if pid == supervisor:
                sys.exit(_code(status))
            if number is not None:
                del self._pids[number]
                self._tell({"id": number, "code": _code(status)})

    def _tell(self, message: Told) -> None:
        try:
            self._channel.send(json.dumps(message).encode())
        except (BrokenPipeError, ConnectionResetError):
            return  # the supervisor is ending; the next reaping sees it


def _receive(channel: socket.socket) -> tuple[bytes, Sequence[int]]:
    """A message and its descriptors, which no program inherits. (`socket.recv_fds` ignores its flags.)"""
    fds = array.array("i")
    space = socket.CMSG_LEN(_DESCRIPTOR_LIMIT * fds.itemsize)
    data, ancillary, _, _ = channel.recvmsg(_MESSAGE_LIMIT, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content)
    return data, fds.tolist()


def _request_in(file: int) -> StartRequest:
    """What a memory file says, from its beginning: a copy reads it as well."""
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), "rb") as reader:
        request: StartRequest = json.load(reader)
    return request


def _by_name(request: StartRequest, fds: Sequence[int]) -> dict[str, int]:
    return dict(zip(request["descriptors"], fds[1:], strict=True))


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _become(
    request: StartRequest,
    fds: dict[str, int],
    template: int,
    hidden: Sequence[str],
    report: int,
    copied: prepared.Prepared | None = None,
) -> NoReturn:
    """In the new process: enter the namespaces, and execute the program or go on as the copy of one."""
    stage = "session"
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        # Before mount points are made: every user must be able to pass through them.
        os.umask(0o022)
        stage = "namespaces"
        for name, kind in (("net", syscalls.CLONE_NEWNET), ("uts", syscalls.CLONE_NEWUTS)):
            if name in fds:
                syscalls.setns(fds[name], kind)
        if "mnt" in fds:
            syscalls.setns(fds["mnt"], syscalls.CLONE_NEWNS)
        elif request["contained"]:
            stage = "mounts"
            view = request["view"]
            binds = [mounts.Bind(**bind) for bind in view["binds"]]
            seen = mounts.View(binds, view["files"], view["root"], view["directory"], view["read_only"])
            mounts.enter(template, seen, hidden)
        stage = "directory"
        os.chdir(request["view"]["directory"])
        stage = "descriptors"
        _place(fds, request)
        stage = "capabilities"
        if request["capabilities"] is not None:
            syscalls.limit_capabilities(request["capabilities"])
            syscalls.forbid_new_privileges()
        stage = "user"
        if (user := request["user"]) is not None:
            syscalls.become(user["uid"], user["gid"], user["groups"])
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        stage = "program"
        if copied is None:
            os.execvpe(request["argv"][0], request["argv"], request["environment"])
        if request["capabilities"] is not None:
            syscalls.drop_capabilities(request["capabilities"])
        prepared.run(copied, request["argv"], request["environment"], 4 if "ready" in fds else 3)
    except OSError as error:
        failure: Failure = {
            "stage": stage,
            "errno": error.errno,
            "strerror": error.strerror or "",
            "filename": request["argv"][0] if stage == "program" else str(error.filename or ""),
        }
        os.write(report, json.dumps(failure).encode())
    finally:
        os._exit(127)


def _place(fds: dict[str, int], request: StartRequest) -> None:
    """Standard descriptors at 0, 1, 2, the readiness pipe (if any) at 3; all others close on exec."""
    wanted = [fds["stdin"], fds["stdout"], fds["stderr"]]
    if "ready" in fds:
        wanted.append(fds["ready"])
    # First out of the way, so that no target overwrites a source.
    sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in wanted]
    for target, source in enumerate(sources):
        os.dup2(source, target, inheritable=True)
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
