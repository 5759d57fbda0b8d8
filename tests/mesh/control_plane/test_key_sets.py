"""Fetching key sets: from a URI, by discovery, again after failures, and never from where it must not be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from lab.mesh.config import current
from lab.mesh.config.key_source import KeySource
from lab.mesh.control_plane.controller import ReferenceMesh
from lab.mesh.control_plane.jwks import KeySets
from lab.mesh.envoy import key_set
from lab.mesh.envoy.key_set import NotAKeySet
from lab.mesh.workloads.service_registry import addresses_of
from tests.mesh.cluster import playground
from tests.mesh.issuer import ISSUER, key
from tools.tokens import jwks

pytestmark = pytest.mark.reference_only("how the reference fetches key sets")

KEYS = json.dumps(jwks([key()]))
OTHERS = json.dumps(jwks([key(1)]))
HERE = "127.0.0.1"


class Server:
    """Answers as it is told, and counts."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], web.Response]] = {}
        self.asked: list[str] = []
        self.port = 0

    def says(self, path: str, text: str, status: int = 200, **headers: str) -> None:
        self.answers[path] = lambda: web.Response(text=text, status=status, headers=headers)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/slow":
            await asyncio.sleep(60)
        return self.answers.get(request.path, lambda: web.Response(status=404))()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, HERE, 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fetching(*sources: KeySource, **options: Any) -> AsyncIterator[tuple[KeySets, asyncio.Event]]:
    arrived = asyncio.Event()
    sets = KeySets(options.pop("resolve", lambda host: None), first_retry=0.01, **options)
    sets.want(sources)
    running = asyncio.create_task(sets.run(arrived.set))
    try:
        yield sets, arrived
    finally:
        running.cancel()
        await asyncio.wait([running])


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 5)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("in vain")


async def test_from_a_uri() -> None:
    async with serving() as server:
        server.says("/base64/keys", KEYS)
        source = KeySource(f"http://{HERE}:{server.port}/base64/keys")
        async with fetching(source) as (sets, arrived):
            await soon(arrived)
            assert sets.fetched == {source: KEYS}


async def test_by_discovery() -> None:
    async with serving() as server:
        issuer = f"http://{HERE}:{server.port}/tenant/"
        uri = f"http://{HERE}:{server.port}/keys"
        server.says("/tenant/.well-known/openid-configuration", json.dumps({"jwks_uri": uri}))
        server.says("/keys", KEYS)
        source = KeySource(issuer=issuer)
        async with fetching(source) as (sets, arrived):
            await soon(arrived)
            assert sets.fetched == {source: KEYS}


async def test_again_and_again_until_it_works() -> None:
    async with serving() as server:
        source = KeySource(f"http://{HERE}:{server.port}/keys")
        async with fetching(source) as (sets, arrived):
            await until(lambda: len(server.asked) >= 3)
            assert not sets.fetched
            server.says("/keys", KEYS)
            await soon(arrived)
            assert sets.fetched == {source: KEYS}


async def test_other_keys_are_noticed_and_those_of_a_silent_server_kept() -> None:
    async with serving() as server:
        server.says("/keys", KEYS)
        source = KeySource(f"http://{HERE}:{server.port}/keys")
        async with fetching(source, refresh=0.01) as (sets, arrived):
            await soon(arrived)
            arrived.clear()
            server.says("/keys", OTHERS)
            await soon(arrived)
            assert sets.fetched == {source: OTHERS}
            arrived.clear()
            server.says("/keys", "gone", status=500)
            asked = len(server.asked)
            await until(lambda: len(server.asked) >= asked + 3)
            assert sets.fetched == {source: OTHERS}
            assert not arrived.is_set()


async def test_what_nobody_wants_any_more_is_forgotten() -> None:
    async with serving() as server:
        server.says("/keys", KEYS)
        source = KeySource(f"http://{HERE}:{server.port}/keys")
        async with fetching(source, refresh=0.01) as (sets, arrived):
            await soon(arrived)
            sets.want([])
            assert not sets.fetched
            await asyncio.sleep(0.05)
            asked = len(server.asked)
            await asyncio.sleep(0.05)
            assert len(server.asked) == asked
            arrived.clear()
            sets.want([source])
            await soon(arrived)
            assert sets.fetched == {source: KEYS}


DISCOVERED = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<html>", "not JSON"),
        ("[]", "keys"),
        ('{"keys": {}}', "keys"),
        ('{"keys": [1]}', "kty"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB"}]}', "'e'"),
        (KEYS + " " * (1 << 20), "more than"),
    ],
)
async def test_what_is_no_key_set_is_not_taken(text: str, why: str, caplog: Any) -> None:
    async with serving() as server:
        server.says("/keys", text)
        async with fetching(KeySource(f"http://{HERE}:{server.port}/keys")) as (sets, _):
            await refused(server)
            assert not sets.fetched
            assert why in caplog.text


async def refused(server: Server) -> None:
    """Asked a second time: the first answer was not liked."""
    await until(lambda: len(server.asked) >= 2)


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"jwks_uri": 1}', '{"jwks_uri": "file:///etc/passwd"}']
)
async def test_a_discovery_document_has_to_lead_to_keys(document: str) -> None:
    async with serving() as server:
        server.says(DISCOVERED, document)
        async with fetching(KeySource(issuer=f"http://{HERE}:{server.port}")) as (sets, _):
            await refused(server)
            assert not sets.fetched


async def test_it_may_take_only_so_long(caplog: Any) -> None:
    async with serving() as server:
        source = KeySource(f"http://{HERE}:{server.port}/slow", timeout=0.01)
        async with fetching(source) as (sets, _):
            await refused(server)
            assert not sets.fetched
            assert "no answer within 0.01 s" in caplog.text


@pytest.mark.parametrize(
    "target", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "metadata.cluster", "redirect"]
)
async def test_link_local_addresses_are_refused(target: str, caplog: Any) -> None:
    def resolve(host: str) -> tuple[str, ...] | None:
        return ("169.254.169.254",) if host == "metadata.cluster" else None

    async with serving() as server:
        uri = f"http://{target}/latest/meta-data"
        if target == "redirect":
            server.says("/r", "", status=302, Location="http://169.254.169.254/latest/meta-data")
            uri = f"http://{HERE}:{server.port}/r"
        async with fetching(KeySource(uri), resolve=resolve) as (sets, _):
            await until(lambda: "is refused" in caplog.text)
            assert "link-local" in caplog.text
            assert not sets.fetched


@pytest.mark.parametrize(
    "uri", ["ftp://x/keys", "file:///etc/passwd", "http://", "http://[", "http://127.0.0.1:1/"]
)
async def test_nothing_but_http(uri: str, caplog: Any) -> None:
    async with fetching(KeySource(uri)) as (sets, _):
        await until(lambda: "no keys from" in caplog.text)
        assert not sets.fetched


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("httpbin.legacy", ("10.96.0.13",)),
        ("HTTPBIN.legacy.svc", ("10.96.0.13",)),
        ("httpbin.legacy.svc.cluster.local", ("10.96.0.13",)),
        ("httpbin.legacy.svc.cluster.local.", ("10.96.0.13",)),
        ("headless.foo", ("10.244.0.11", "10.244.0.12")),
        ("httpbin.nowhere", None),
        ("httpbin", None),
        ("example.com", None),
        ("a.httpbin.legacy", None),
    ],
)
def test_names_of_the_cluster(host: str, addresses: tuple[str, ...] | None) -> None:
    cluster = playground()
    port = [{"name": "http", "port": 80, "targetPort": 80}]
    cluster.service("headless", "foo", "None", port, ["10.244.0.12", "10.244.0.11"])
    assert addresses_of(cluster.store, host) == addresses


async def test_keys_that_arrive_reach_the_proxies(tmp_path: Path) -> None:
    """By the name of a Service of the cluster, as a policy gives it."""
    cluster = playground()
    objects: Any = SimpleNamespace(store=cluster.store)
    mesh = ReferenceMesh(objects, tmp_path, current.API)
    file = tmp_path / "proxies" / "uid-httpbin-foo" / "lds.json"
    async with serving() as server:
        server.says("/base64/keys", KEYS)
        cluster.service("issuer", "legacy", HERE, [{"port": server.port, "targetPort": server.port}])
        running = asyncio.create_task(mesh.run())
        try:
            uri = f"http://issuer.legacy:{server.port}/base64/keys"
            cluster.tokens("foo", {"issuer": ISSUER, "jwksUri": uri})
            modulus = json.loads(KEYS)["keys"][0]["n"]
            await until(lambda: file.exists() and modulus in file.read_text())
        finally:
            running.cancel()
            await asyncio.wait([running])


def test_nobody_can_sign_for_nobody() -> None:
    [only] = json.loads(key_set.of_nobody())["keys"]
    assert only.keys() == {"kty", "crv", "kid", "x", "y"}
    assert key_set.for_proxies(key_set.of_nobody()) != key_set.for_proxies(KEYS)
    assert json.loads(key_set.for_proxies(key_set.of_nobody()))["keys"] == [only]


# What is wrong with a key, so that proxies do not get it.
SPOILT: list[dict[str, Any]] = [
    {"kid": 1},
    {"alg": "ES256"},
    {"alg": 5},
    {"e": "AA"},
    {"n": "AQAB"},
    {"n": "***"},
    {"kty": "EC"},
    {"kty": "PQC"},
]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_proxies_get_only_keys_they_can_use(spoilt: dict[str, Any]) -> None:
    [good] = json.loads(KEYS)["keys"]
    text = json.dumps({"keys": [good | spoilt, good | {"d": "private", "x5c": ["x"]}, 7], "more": {}})
    assert json.loads(key_set.for_proxies(text)) == {"keys": [good]}
    assert key_set.for_proxies(json.dumps({"keys": [good | spoilt]})) == key_set.of_nobody()


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"keys": 1}', '{"keys": [{}]}', "[" * 100_000])
def test_texts_that_are_no_key_set(text: str) -> None:
    with pytest.raises(NotAKeySet):
        key_set.check(text)
