"""Logs as the API serves them, from files of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from lab.kube.api import logs
from lab.kube.errors import ApiError
from lab.kube.kinds.registry import Registry
from lab.kube.store import Key, Object, Store
from lab.kube.writing.writes import Writes
from tests.kube.local_runtime import LocalRuntime, status_of

NAMESPACES, PODS = Key("", "namespaces"), Key("", "pods")


def pod(name: str, *containers: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "node-0", "containers": [{"name": each, "image": each} for each in containers]},
    }


@pytest.fixture
def objects() -> Writes:
    objects = Writes(Store(), Registry())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    objects.create(NAMESPACES, namespace, manager="test")
    for made in (pod("web", "app"), pod("two", "app", "istio-proxy")):
        objects.create(PODS, made, manager="test")
        set_state(objects, made["metadata"]["name"])
    return objects


def set_state(objects: Writes, name: str, **state: object) -> None:
    live = objects.store.get(PODS, "default", name)
    status = status_of(live, "10.244.0.2")
    for container in status["containerStatuses"]:
        container |= state
    objects.set_status(PODS, "default", name, status, manager="test")


@pytest.fixture
async def client(objects: Writes, tmp_path: Path) -> AsyncIterator[TestClient]:
    runtime = LocalRuntime(tmp_path)

    async def handle(request: web.Request) -> web.StreamResponse:
        live = objects.store.get(PODS, "default", request.match_info["pod"])
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


async def get(client: TestClient, pod: str = "web", **query: str) -> tuple[int, str]:
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
        (
            "web",
            {"timestamps": "true"},
            400,
            "timestamps is not supported: this node keeps no time of a log line",
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
