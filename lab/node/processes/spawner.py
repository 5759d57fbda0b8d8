"""Programs in the namespaces of pods, as the supervisor sees them: process 1 (pid1.py) starts them for it."""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from lab.node.processes.messages import Failure, Signal, Start, Told
from lab.node.processes.mounts import View
from lab.node.processes.users import User

CONTAINER_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
"""The default capabilities of container engines, except for creating device files."""

READY_DESCRIPTOR = 3
"""Where a program finds the pipe to write to (any byte) once it serves, if it was given one."""


@dataclass(frozen=True)
class Program:
    """What to run. `argv[0]` is looked up in the PATH of `environment`, in the program's own file system."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    """What the program starts with."""
    capabilities: Sequence[str] | None = CONTAINER_CAPABILITIES
    view: View = field(default_factory=View)
    """What it sees of the file system; of a program beside another only the directory counts."""
    user: User | None = None
    """None: the user of the lab."""
    container_environment: Mapping[str, str] = field(default_factory=dict)
    """What programs beside it start with."""
    group_ends: bool = True
    """Whether what the program started ends with it, as in a container."""


@dataclass(frozen=True)
class Namespaces:
    """Where to run: descriptors of namespaces; `contained` means in a new container file system."""

    network: int | None = None
    uts: int | None = None
    mount: int | None = None
    contained: bool = False


@dataclass(frozen=True)
class Streams:
    """Descriptors given to the program; the caller keeps and closes its own."""

    stdin: int
    stdout: int
    stderr: int
    terminal: bool = False
    ready: int | None = None


class StartFailed(Exception):
    """A program could not be started. `str` is what a container engine says about it."""


@dataclass(eq=False)
class Child:
    """A running program; it leads a process group of its own."""

    pid: int
    _number: int
    _spawner: Spawner
    _code: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def ended(self) -> bool:
        return self._code.done()

    async def wait(self) -> int:
        """Exit code; 128 + N when signal N ended the program."""
        return await asyncio.shield(self._code)

    def signal(self, number: int, *, group: bool = False) -> None:
        """Does nothing if the program has ended."""
        if not self.ended:
            self._spawner.send({"op": "signal", "id": self._number, "signal": number, "group": group})

    def kill(self) -> None:
        self.signal(signal.SIGKILL, group=True)

    def mount_namespace(self) -> int:
        """A descriptor (the caller's to close) of the file system that the program sees."""
        return os.open(f"/proc/{self.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)


class Spawner:
    """The supervisor's end of the channel to process 1."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._starting: dict[int, asyncio.Future[Child]] = {}
        self._running: dict[int, Child] = {}
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        channel.setblocking(True)
        asyncio.get_running_loop().add_reader(channel, self._receive)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)
        os.close(self._null)

    def send(self, message: Start | Signal, fds: Sequence[int] = ()) -> None:
        # Blocking is right: messages are small and process 1 does little but read them.
        socket.send_fds(self._channel, [json.dumps(message).encode()], list(fds))

    async def start(self, program: Program, namespaces: Namespaces, streams: Streams) -> Child:
        """Raises StartFailed."""
        descriptors = {
            "stdin": streams.stdin,
            "stdout": streams.stdout,
            "stderr": streams.stderr,
            "ready": streams.ready,
            "net": namespaces.network,
            "uts": namespaces.uts,
            "mnt": namespaces.mount,
        }
        given = {name: fd for name, fd in descriptors.items() if fd is not None}
        request = memory_file(
            json.dumps(
                {
                    "argv": list(program.argv),
                    "environment": dict(program.environment),
                    "capabilities": program.capabilities and list(program.capabilities),
                    "view": asdict(program.view),
                    "user": program.user and asdict(program.user),
                    "contained": namespaces.contained,
                    "terminal": streams.terminal,
                    "group_ends": program.group_ends,
                    "descriptors": list(given),
                }
            ).encode()
        )
        number = next(self._numbers)
        started: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._starting[number] = started
        try:
            self.send({"op": "start", "id": number}, [request, *given.values()])
        finally:
            os.close(request)
        return await started

    async def run(self, argv: Sequence[str], stdin: bytes = b"", *, network: int | None = None) -> str:
        """Runs one of the node's own tools to its end and returns what it printed. Raises ToolFailed."""
        code, printed = await self.outcome(argv, stdin, network=network)
        text = printed.decode(errors="replace")
        if code:
            raise ToolFailed(f"{' '.join(argv)} exited {code}: {text.strip()}\n{stdin.decode()}")
        return text

    async def outcome(
        self, argv: Sequence[str], stdin: bytes = b"", *, network: int | None = None
    ) -> tuple[int, bytes]:
        """As `run`, for a tool that may fail: its exit code and output."""
        source, output = memory_file(stdin), os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            tool = Program(argv, {"PATH": os.environ["PATH"]}, capabilities=None)
            child = await self.start(tool, Namespaces(network=network), Streams(source, output, output))
            try:
                code = await child.wait()
            finally:
                child.kill()  # whoever waits no longer leaves nothing
            return code, os.pread(output, os.fstat(output).st_size, 0)
        finally:
            os.close(source)
            os.close(output)

    @property
    def null(self) -> int:
        """Descriptor of /dev/null, for reading and writing."""
        return self._null

    def _receive(self) -> None:
        data = self._channel.recv(65_536)
        if not data:
            # Process 1 has ended and with it, in an instant, everything here.
            asyncio.get_running_loop().remove_reader(self._channel)
            return
        message: Told = json.loads(data)
        number = message["id"]
        if "code" in message:
            child = self._running.pop(number)
            child._code.set_result(message["code"])
            return
        started = self._starting.pop(number)
        if "failed" in message:
            if not started.cancelled():
                started.set_exception(StartFailed(_explain(message["failed"])))
            return
        child = Child(message["pid"], number, self)
        self._running[number] = child
        if started.cancelled():
            child.kill()  # nobody waits for it any more
        else:
            started.set_result(child)


class ToolFailed(Exception):
    """`ip` or `nft` failed: a bug of the lab, never a user's mistake."""


def memory_file(content: bytes) -> int:
    """Descriptor of an anonymous file with `content`, at its beginning."""
    fd = os.memfd_create("lab", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _explain(failure: Failure) -> str:
    """The reason, as a container engine (runc) words it."""
    name, number, text = failure["filename"], failure["errno"], failure["strerror"].lower()
    if failure["stage"] == "directory":
        return f'chdir to cwd ("{name}") set in config.json failed: {text}'
    if failure["stage"] == "program":
        if number == errno.ENOENT and "/" not in name:
            return f'exec: "{name}": executable file not found in $PATH'
        if number == errno.ENOENT:
            return f'exec: "{name}": stat {name}: {text}'
        return f'exec: "{name}": {text}'
    return f"{failure['stage']}: {name}: {text}" if name else f"{failure['stage']}: {text}"
