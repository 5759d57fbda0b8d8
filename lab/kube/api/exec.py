"""`pods/exec` over WebSocket: the sub-protocols v5.channel.k8s.io and v4.channel.k8s.io.

Every message begins with its channel's number. The server ends with a Status on channel 3
(which carries the exit code) and closes. In v5 a client closes its standard input with message 255,0; in v4
that ends with the connection. SPDY, the protocol of kubectl before 1.29, is refused with a hint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from aiohttp import WSMsgType, web

from lab.kube.api import containers
from lab.kube.api.websockets import accept
from lab.kube.errors import bad_request
from lab.kube.objects import Object
from lab.kube.runtime import ExecFailed, Process, Runtime

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHUNK = 32 * 1024


@dataclass(frozen=True)
class Options:
    """The query of an exec request (PodExecOptions)."""

    command: tuple[str, ...]
    container: str
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @classmethod
    def of(cls, request: web.BaseRequest, pod: Object) -> Options:
        """Raises ApiError 400."""
        query = request.query
        container = containers.choose(pod, query.get("container", ""))
        command = tuple(query.getall("command", []))
        if not command:
            raise bad_request("you must specify at least 1 command for the container")
        stdin, stdout, stderr, tty = (_flag(query, name) for name in ("stdin", "stdout", "stderr", "tty"))
        if not (stdin or stdout or stderr):
            raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
        return cls(command, container, stdin, stdout, stderr and not tty, tty)

    def as_object(self) -> Object:
        """The fields of PodExecOptions that are set."""
        fields: Object = {"container": self.container, "command": list(self.command)}
        return fields | {name: True for name in ("stdin", "stdout", "stderr", "tty") if getattr(self, name)}


async def handle(
    request: web.BaseRequest, pod: Object, options: Options, runtime: Runtime
) -> web.StreamResponse:
    """Runs a command in a container of the pod. Raises ApiError 400 before the protocol is switched."""
    if not (pod["spec"].get("nodeName")):
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    hint = "kubectl 1.29 or newer, without KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false"
    socket = await accept(request, PROTOCOLS, hint)
    try:
        process = await runtime.exec(
            pod, options.container, options.command, stdin=options.stdin, tty=options.tty
        )
    except ExecFailed as failure:
        await _finish(socket, _failed(str(failure)))
        return socket
    await _converse(socket, process, options)
    return socket


async def _converse(socket: web.WebSocketResponse, process: Process, options: Options) -> None:
    # Each direction waits for its own reader (the program, or the client) and never for the other one: a
    # program may well ignore its input while it writes, and the other way round.
    listener = asyncio.create_task(_listen(socket, process))
    try:
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(_pump(process.stdout, socket, STDOUT if options.stdout else None))
            if process.stderr is not None:
                pumps.create_task(_pump(process.stderr, socket, STDERR if options.stderr else None))
        code = await process.wait()
        listener.cancel()
        await _finish(socket, _exited(code))
    except* ConnectionError:
        pass  # The client is gone; there is nobody to tell.
    finally:
        listener.cancel()
        process.kill()


async def _listen(socket: web.WebSocketResponse, process: Process) -> None:
    """Forwards standard input until the client disconnects; then ends the program."""
    async for message in socket:
        # The Python client sends what it is given as text in a text message.
        content = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if process.stdin is None or not content:
            continue
        channel, data = content[0], content[1:]
        try:
            if channel == STDIN and data:
                process.stdin.write(data)
                await process.stdin.drain()
            elif channel == CLOSE and data[:1] == bytes([STDIN]):
                process.stdin.close()
        except ConnectionError:
            pass  # The program has closed its input; what it has to say still comes.
    process.kill()


async def _pump(stream: asyncio.StreamReader, socket: web.WebSocketResponse, channel: int | None) -> None:
    while data := await stream.read(CHUNK):
        if channel is not None:
            await socket.send_bytes(bytes([channel]) + data)


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    await socket.send_bytes(bytes([STATUS]) + orjson.dumps(status))
    await socket.close()


def _exited(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _failed(why: str) -> Object:
    error = f"error executing command in container: {why}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {error}",
        "reason": "InternalError",
        "details": {"causes": [{"message": error}]},
        "code": 500,
    }


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name) in ("true", "True", "1")
