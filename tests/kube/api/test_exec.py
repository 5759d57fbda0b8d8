"""The channel protocol of exec, message by message; real clients are in test_exec_clients."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from lab.kube.api import exec as exec_room
from lab.kube.errors import ApiError
from tests.kube.local_runtime import LocalRuntime

Client = TestClient[web.Request, web.Application]
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "default", "uid": "1"},
    "spec": {"nodeName": "node-0", "containers": [{"name": "app"}], "initContainers": [{"name": "setup"}]},
}
TWO = {**POD, "spec": {**POD["spec"], "containers": [{"name": "app"}, {"name": "istio-proxy"}]}}
PODS = {"web": POD, "two": TWO, "unscheduled": {**POD, "spec": {"containers": [{"name": "app"}]}}}


@pytest.fixture
def runtime(tmp_path: Path) -> LocalRuntime:
    return LocalRuntime(tmp_path)


@pytest.fixture
async def client(runtime: LocalRuntime) -> AsyncIterator[Client]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            pod = PODS[request.match_info["pod"]]
            options = exec_room.Options.of(request, pod)
            return await exec_room.handle(request, pod, options, runtime)
        except ApiError as error:
            return web.json_response(error.status(), status=error.code)

    app = web.Application()
    app.router.add_route("*", "/{pod}", handle)
    async with TestClient(TestServer(app)) as client:
        yield client


def query(*argv: str, **options: str) -> list[tuple[str, str]]:
    streams = {"stdout": "true", "stderr": "true"} | options
    return [*(("command", word) for word in argv), *streams.items()]


async def run(
    client: Client, *argv: str, protocol: str = V5, stdin: bytes | None = None, **options: str
) -> tuple[dict[int, bytes], dict[str, Any]]:
    """Runs a command to its end: what came on each channel, and the Status."""
    if stdin is not None:
        options["stdin"] = "true"
    output: dict[int, bytes] = {}
    async with client.ws_connect(
        "/web", params=query(*argv, **options), protocols=[protocol], max_msg_size=0
    ) as socket:
        assert socket.protocol == protocol
        if stdin is not None:
            await socket.send_bytes(b"\0" + stdin)
            await socket.send_bytes(bytes([255, 0]))
        async for message in socket:
            output[message.data[0]] = output.get(message.data[0], b"") + message.data[1:]
        assert socket.close_code == 1000
    return output, orjson.loads(output.pop(3))


def exit_code(status: dict[str, Any]) -> str:
    [cause] = status["details"]["causes"]
    assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
    assert cause["reason"] == "ExitCode"
    return cause["message"]


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_output_and_error_come_on_their_own_channels(client, protocol):
    output, status = await run(client, "sh", "-c", "echo out; echo err >&2", protocol=protocol)
    assert output == {1: b"out\n", 2: b"err\n"}
    assert status == {"metadata": {}, "status": "Success"}


@pytest.mark.parametrize("protocol", [V5, V4])
async def test_the_exit_code_comes_with_the_status(client, protocol):
    _, status = await run(client, "sh", "-c", "exit 56", protocol=protocol)
    assert exit_code(status) == "56"


async def test_a_signal_is_an_exit_code_above_128(client):
    _, status = await run(client, "sh", "-c", "kill -TERM $$")
    assert exit_code(status) == "143"


async def test_a_mebibyte_goes_through_and_comes_back(client):
    data = os.urandom(1024 * 1024)
    output, status = await run(client, "cat", stdin=data)
    assert output == {1: data}
    assert status["status"] == "Success"


async def test_a_slow_reader_holds_the_program_back(client):
    async with client.ws_connect(
        "/web", params=query("sh", "-c", "yes | head -c 20000000; echo end >&2"), protocols=[V5]
    ) as socket:
        await asyncio.sleep(0.3)
        total, channels = 0, set()
        async for message in socket:
            channels.add(message.data[0])
            total += len(message.data) - 1 if message.data[0] == 1 else 0
    assert total == 20_000_000
    assert channels == {1, 2, 3}


async def test_a_program_that_ignores_its_input_still_ends(client):
    output, status = await run(client, "echo", "done", stdin=b"x" * 300_000)
    assert (output, status["status"]) == ({1: b"done\n"}, "Success")


async def test_v4_has_no_half_close_and_input_still_arrives(client):
    output, _ = await run(client, "head", "-n", "1", protocol=V4, stdin=b"first\nsecond\n")
    assert output == {1: b"first\n"}


async def test_a_terminal_mixes_error_into_output(client):
    output, _ = await run(client, "sh", "-c", "echo out; echo err >&2", tty="true")
    assert output == {1: b"out\nerr\n"}


async def test_a_missing_program_is_an_internal_error_on_channel_3(client):
    output, status = await run(client, "no-such-program")
    assert output == {}
    assert (status["status"], status["reason"], status["code"]) == ("Failure", "InternalError", 500)
    assert 'exec: "no-such-program": No such file or directory' in status["message"]


def members(group: int) -> list[int]:
    """The live processes of a group; one that only waits to be reaped by somebody is dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text().rpartition(") ")[2].split()[:3]
            if int(pgrp) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_the_process_group_goes_when_the_client_goes(client, runtime, how):
    script = "sleep 300 & sleep 300 & echo up; wait"
    socket = await client.ws_connect("/web", params=query("sh", "-c", script, stdin="true"), protocols=[V5])
    assert (await socket.receive()).data == b"\1up\n"
    [pid] = runtime.started
    assert len(members(pid)) == 3
    if how == "abort":
        socket._response.connection.transport.abort()
    await socket.close()
    async with asyncio.timeout(5):
        while members(pid):  # noqa: ASYNC110 - nobody is told when a group is empty
            await asyncio.sleep(0.01)


async def test_text_is_input_too_and_unknown_channels_are_ignored(client):
    async with client.ws_connect("/web", params=query("cat", stdin="true"), protocols=[V5]) as socket:
        await socket.send_str("\0früh ")
        await socket.send_bytes(b"")
        await socket.send_bytes(b"\4" + b'{"Width":80,"Height":24}')
        await socket.send_bytes(b"\x09junk")
        await socket.send_bytes(b"\0kept")
        await socket.send_bytes(bytes([255, 0]))
        received = [message.data async for message in socket]
    assert b"".join(each[1:] for each in received if each[0] == 1).decode() == "früh kept"


@pytest.mark.parametrize(
    ("pod", "params", "message"),
    [
        (
            "two",
            query("true"),
            "a container name must be specified for pod web, choose one of: [app istio-proxy]"
            " or one of the init containers: [setup]",
        ),
        ("web", query("true", container="nope"), "container nope is not valid for pod web"),
        ("web", query(), "you must specify at least 1 command for the container"),
        ("unscheduled", query("true"), "pod web does not have a host assigned"),
    ],
)
async def test_errors_before_the_upgrade_are_statuses(client, pod, params, message):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(f"/{pod}", params=params, protocols=[V5])
    assert refused.value.status == 400
    async with client.get(f"/{pod}", params=params) as response:
        status = await response.json()
    assert (status["reason"], status["message"]) == ("BadRequest", message)


async def test_spdy_and_unknown_protocols_are_told_what_to_use(client):
    spdy = {"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}
    async with client.post("/web", params=query("true"), headers=spdy) as response:
        status = await response.json()
    assert response.status == 400
    assert "SPDY is not supported by this server; use WebSockets" in status["message"]
    async with client.get("/web", params=query("true")) as response:
        assert (await response.json())["message"] == "Upgrade request required"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/web", params=query("true"), protocols=["channel.k8s.io"])
    assert refused.value.status == 400
