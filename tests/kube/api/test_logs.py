"""Logs as the API serves them, from files of the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from lab.kube.api import logs
from lab.kube.errors import ApiError
from lab.kube.group_resources import NAMESPACES, PODS
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object
from lab.kube.runtime import Mark
from lab.kube.store import Store
from lab.kube.writing.writes import Writes
from tests.kube.local_runtime import LocalRuntime, status_of


def pod(name: str, *containers: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "node-0", "containers": [{"name": each, "image": each} for each in containers]},
    }


@pytest.fixture
def objects() -> Writes:
    objects = Writes(Store(), Scheme())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    objects.create(NAMESPACES, namespace, manager="test")
    for made in (pod("web", "app"), pod("two", "app", "istio-proxy")):
        objects.create(PODS, made, manager="test")
        set_state(objects, made["metadata"]["name"])
    return objects


def set_state(objects: Writes, name: str, **state: object) -> None:
    live = objects.store.get(PODS, "default", name)
    assert live
    status = status_of(live, "10.244.0.2")
    for container in status["containerStatuses"]:
        container |= state
    objects.set_status(PODS, "default", name, status, manager="test")


@pytest.fixture
def runtime(tmp_path: Path) -> LocalRuntime:
    return LocalRuntime(tmp_path)


@pytest.fixture
async def client(
    objects: Writes, runtime: LocalRuntime
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        live = objects.store.get(PODS, "default", request.match_info["pod"])
        assert live
        try:
            return await logs.handle(request, live, runtime, objects.store)
        except ApiError as error:
            return web.json_response(error.status(), status=error.code)

    app = web.Application()
    app.router.add_get("/{pod}", handle)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "web.app.log"


async def get(
    client: TestClient[web.Request, web.Application], pod: str = "web", **query: str
) -> tuple[int, str]:
    async with client.get(f"/{pod}", params=query) as response:
        if response.content_type == "application/json":
            return response.status, (await response.json())["message"]
        return response.status, await response.text()


async def test_a_log_comes_whole_and_as_it_is(client, log):
    log.write_bytes("plain\nümlaut\nno end".encode())
    assert await get(client) == (200, "plain\nümlaut\nno end")


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("a\nb\nc\n", "2", "b\nc\n"),
        ("a\nb\nc", "2", "b\nc"),
        ("a\nb\n", "5", "a\nb\n"),
        ("a\nb\n", "0", ""),
        ("", "3", ""),
        ("\n\n\n", "2", "\n\n"),
        ("first\n" + "x" * 200_000 + "\nlast\n", "2", "x" * 200_000 + "\nlast\n"),
        ("".join(f"{number}\n" for number in range(50_000)), "3", "49997\n49998\n49999\n"),
    ],
)
async def test_tail_counts_lines_from_the_end(client, log, text, count, expected):
    log.write_text(text)
    assert await get(client, tailLines=count) == (200, expected)


async def test_limit_bytes_ends_the_log_early(client, log):
    log.write_text("0123456789" * 20_000)
    assert await get(client, limitBytes="7") == (200, "0123456")
    assert len((await get(client, limitBytes="150000"))[1]) == 150_000


async def test_following_ends_with_the_container_and_loses_nothing(client, objects, log):
    log.write_text("early\n")
    async with client.get("/web", params={"follow": "true"}) as response:
        assert await response.content.readline() == b"early\n"
        with log.open("a") as file:
            file.write("later\n")
        assert await response.content.readline() == b"later\n"
        with log.open("a") as file:
            file.write("last\n")
        set_state(objects, "web", state={"terminated": {"exitCode": 0}})
        async with asyncio.timeout(2):
            assert await response.content.read() == b"last\n"


@pytest.mark.parametrize("end", ["restart", "delete"])
async def test_following_ends_when_the_run_is_over(client, objects, log, end):
    log.write_text("line\n")
    async with client.get("/web", params={"follow": "true"}) as response:
        await response.content.readline()
        if end == "restart":
            set_state(objects, "web", restartCount=1)
        else:
            objects.delete(PODS, "default", "web", grace_period=0)
            log.unlink()
        async with asyncio.timeout(2):
            assert await response.content.read() == b""


async def test_a_follower_that_leaves_is_noticed(client, log):
    log.write_text("line\n")
    before = len(asyncio.all_tasks())
    async with client.get("/web", params={"follow": "true"}) as response:
        await response.content.readline()
    async with asyncio.timeout(2):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - a task's end tells nobody else
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "query", "code", "message"),
    [
        (
            "two",
            {},
            400,
            "a container name must be specified for pod two, choose one of: [app istio-proxy]",
        ),
        ("web", {"container": "nope"}, 400, "container nope is not valid for pod web"),
        ("web", {}, 400, 'container "app" in pod "web" is waiting to start: ContainerCreating'),
        ("web", {"previous": "true"}, 400, 'previous terminated container "app" in pod "web" not found'),
        ("web", {"tailLines": "x"}, 400, "tailLines: 'x' is not a number"),
        (
            "web",
            {"tailLines": "-1"},
            422,
            'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
        ),
        (
            "web",
            {"limitBytes": "0"},
            422,
            'PodLogOptions "" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
        ),
    ],
)
async def test_what_cannot_be_shown_is_said(client, name, query, code, message):
    assert await get(client, name, **query) == (code, message)


async def test_an_image_that_does_not_come_is_the_reason_for_no_log(client, objects):
    set_state(objects, "web", state={"waiting": {"reason": "ImagePullBackOff"}})
    assert await get(client) == (
        400,
        'container "app" in pod "web" is waiting to start: trying and failing to pull image',
    )


async def test_the_previous_run_has_a_log_of_its_own(client, tmp_path):
    (tmp_path / "web.app.previous.log").write_text("before\n")
    assert await get(client, previous="true", follow="true") == (200, "before\n")


START = 1_700_000_000.0
TEN = "".join(f"line {number}\n" for number in range(10))
ZULU = "2023-11-14T22:13:20.000000000Z"


@pytest.fixture
def timed(runtime: LocalRuntime, log: Path) -> None:
    """Ten lines, two of them every ten seconds from START on."""
    log.write_text(TEN)
    runtime.marks[log.name] = [Mark(14 * (step + 1), START + 10 * step) for step in range(5)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ({"sinceTime": "2023-11-14T22:13:00Z"}, 0),
        ({"sinceTime": "2023-11-14T22:13:20Z"}, 0),
        ({"sinceTime": "2023-11-14T22:13:20.5Z"}, 2),
        ({"sinceTime": "2023-11-14T23:13:40+01:00"}, 4),
        ({"sinceTime": "2023-11-14T22:14:00Z"}, 8),
        ({"sinceTime": "2023-11-14T22:14:01Z"}, 10),
        ({"sinceTime": "2023-11-14T22:13:40Z", "tailLines": "3"}, 7),
        ({"sinceTime": "2023-11-14T22:14:00Z", "tailLines": "9"}, 8),
        ({"sinceSeconds": "5"}, 10),
        ({"sinceSeconds": str(2**31)}, 0),
    ],
)
async def test_lines_since_a_moment(client, timed, query, first):
    assert await get(client, **query) == (200, "".join(f"line {n}\n" for n in range(first, 10)))


async def test_lines_with_their_times(client, timed):
    _, text = await get(client, timestamps="true")
    lines = [line.split(" ", 1) for line in text.splitlines(keepends=True)]
    assert "".join(content for _, content in lines) == TEN
    assert [moment for moment, _ in lines][:3] == [ZULU, ZULU, "2023-11-14T22:13:30.000000000Z"]
    assert lines[-1][0] == "2023-11-14T22:14:00.000000000Z"


async def test_a_line_that_comes_in_two_parts_has_one_time(client, runtime, objects, log):
    log.write_text("be")
    runtime.marks[log.name] = [Mark(2, START)]
    async with client.get("/web", params={"follow": "true", "timestamps": "true"}) as response:
        assert await response.content.read(len(ZULU) + 3) == f"{ZULU} be".encode()
        with log.open("a") as file:
            file.write("gun\n\r\n")
        runtime.marks[log.name].append(Mark(8, START + 10))
        set_state(objects, "web", state={"terminated": {"exitCode": 0}})
        async with asyncio.timeout(2):
            assert await response.content.read() == b"gun\n2023-11-14T22:13:30.000000000Z \r\n"


async def test_a_line_that_was_half_written_before_a_moment_is_older(client, runtime, log):
    log.write_text("half and half\nnew\n")
    runtime.marks[log.name] = [Mark(5, START), Mark(18, START + 10)]
    assert await get(client, sinceTime="2023-11-14T22:13:25Z") == (200, "new\n")


async def test_what_no_mark_covers_is_from_now(client, log):
    log.write_text("fresh\n")
    assert await get(client, sinceSeconds="60") == (200, "fresh\n")
    _, text = await get(client, timestamps="true")
    assert abs(datetime.fromisoformat(text.split()[0]).timestamp() - time.time()) < 5


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            {"sinceSeconds": "0"},
            422,
            'PodLogOptions "" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0',
        ),
        ({"sinceTime": "yesterday"}, 400, "sinceTime: 'yesterday' is no time as RFC 3339 writes them"),
        ({"sinceTime": "2023-11-14"}, 400, "sinceTime: '2023-11-14' is no time as RFC 3339 writes them"),
        (
            {"sinceSeconds": "1", "sinceTime": "2023-11-14T22:13:00Z"},
            422,
            'PodLogOptions "" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be'
            " specified",
        ),
    ],
)
async def test_wrong_moments(client, log, query, code, message):
    log.write_text("x\n")
    assert await get(client, **query) == (code, message)
