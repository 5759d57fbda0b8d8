"""Acknowledgements: whether each proxy accepted its last update.

Of an update that it refuses Envoy keeps what it had, and says so only in its log and its statistics: it is
asked for these after files have changed, and at no other time.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from lab.mesh.control_plane.refused_configuration import Answer, Place
from lab.mesh.envoy.bootstrap import ADMIN_SOCKET, CLUSTERS_FILE, LISTENERS_FILE
from lab.mesh.envoy.resources import version_of

FIRST_PAUSES_S = (0.03, 0.06, 0.12, 0.25)
LONGEST_PAUSE_S = 0.5
PATIENCE_S = 30.0
"""So long a proxy may take to start; one that starts later is asked after its next change."""

AFTER_A_REFUSAL = len(FIRST_PAUSES_S)
"""So many looks more: what was written meanwhile may be accepted already."""

ANSWERS_WITHIN_S = 2.0
MOST_WORDS = 300

_COLLECTIONS = {LISTENERS_FILE: "listener_manager.lds", CLUSTERS_FILE: "cluster_manager.cds"}
_KINDS = {LISTENERS_FILE: "listeners", CLUSTERS_FILE: "clusters"}
_REFUSED = ("update_rejected", "update_failure")
_VERSION = "version_text"
_STATISTICS = "/stats?filter=" + quote(
    rf"^(listener_manager\.lds|cluster_manager\.cds|sds\..*)\.({'|'.join((*_REFUSED, _VERSION))})$"
)
_ERRORS = "/config_dump?resource=dynamic_listeners&mask=name,error_state.details"
_NO_WORDS = "its log says why"


@dataclass
class _Proxy:
    uid: str
    socket: Path
    wanted: dict[str, str] = field(default_factory=dict)
    """The version of each file."""
    behind: frozenset[Place] = frozenset()
    """The policies whose changes led to what is not accepted yet."""
    counted: dict[str, int] = field(default_factory=dict)
    """How many updates of each file it has refused since it started."""
    refused: set[str] = field(default_factory=set)
    """The files of which it does not have what is wanted."""
    blamed: frozenset[Place] = frozenset()
    """The policies behind that."""
    pauses: Iterator[float] = field(default_factory=lambda: iter(()))
    asking: asyncio.Task[None] | None = None


class Acknowledgements:
    """Asks proxies whose files have changed, until they have accepted or refused them."""

    def __init__(self, told: Callable[[Answer], None]) -> None:
        """`told` is called for every refusal, and when a proxy has accepted all that it had refused."""
        self._told = told
        self._proxies: dict[str, _Proxy] = {}
        self._changed = asyncio.Event()

    def written(
        self, uid: str, folder: Path, files: Mapping[str, bytes], behind: frozenset[Place] = frozenset()
    ) -> None:
        """Files of a proxy have changed; what is there to be refused of them is looked for."""
        proxy = self._proxies.setdefault(uid, _Proxy(uid, folder / ADMIN_SOCKET))
        proxy.wanted |= {name: version for name, text in files.items() if (version := version_of(text))}
        proxy.behind |= behind
        proxy.pauses = _pauses()
        self._changed.set()

    def forget(self, uid: str) -> None:
        """The proxy is gone."""
        proxy = self._proxies.pop(uid, None)
        if proxy is not None and proxy.asking is not None:
            proxy.asking.cancel()

    async def run(self) -> None:
        """Asks, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for proxy in self._proxies.values():
                    if proxy.asking is None or proxy.asking.done():
                        proxy.asking = tasks.create_task(self._ask(proxy))

    async def _ask(self, proxy: _Proxy) -> None:
        while (pause := next(proxy.pauses, None)) is not None:
            await asyncio.sleep(pause)
            if not proxy.socket.exists():
                continue
            try:
                await self._look(proxy)
            except (ClientError, OSError, TimeoutError, ValueError):
                continue  # it starts, or ends

    async def _look(self, proxy: _Proxy) -> None:
        connector = UnixConnector(str(proxy.socket), force_close=True)
        timeout = ClientTimeout(total=ANSWERS_WITHIN_S)
        async with ClientSession("http://proxy", connector=connector, timeout=timeout) as session:
            seen = _by_file(await _get(session, _STATISTICS), proxy.wanted)
            anew = {name for name in seen if _has_refused(seen[name], proxy.counted.get(name, 0))}
            words = _words(await _get(session, _ERRORS)) if LISTENERS_FILE in anew else ""
        proxy.counted |= {name: _count(found) for name, found in seen.items()}
        for name in sorted(anew):
            proxy.refused.add(name)
            proxy.blamed |= proxy.behind
            said = words if name == LISTENERS_FILE else ""
            self._told(Answer(proxy.uid, _kind(name), said or _NO_WORDS, proxy.behind))
        accepted = {name for name, found in seen.items() if found.get(_VERSION) == proxy.wanted[name]}
        if proxy.refused and proxy.refused <= accepted:
            self._told(Answer(proxy.uid, "", "", proxy.blamed))
            proxy.refused, proxy.blamed = set(), frozenset()
        elif anew:
            proxy.pauses = itertools.islice(proxy.pauses, AFTER_A_REFUSAL)
        # What nothing refers to is not read.
        if _COLLECTIONS.keys() <= accepted and accepted >= seen.keys():
            proxy.pauses, proxy.behind = iter(()), frozenset()


def _pauses() -> Iterator[float]:
    yield from FIRST_PAUSES_S
    yield from itertools.repeat(LONGEST_PAUSE_S, int(PATIENCE_S / LONGEST_PAUSE_S))


async def _get(session: ClientSession, path: str) -> bytes:
    async with session.get(path) as response:
        return await response.read()


def _by_file(statistics: bytes, files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of each file that Envoy reads, what it counts; Envoy has the names of its statistics without colons."""
    found: dict[str, dict[str, str]] = {}
    for line in statistics.decode().splitlines():
        name, _, value = line.partition(": ")
        scope, _, what = name.rpartition(".")
        found.setdefault(scope, {})[what] = value.strip('"')
    return {name: found[scope] for name in files if (scope := _scope(name)) in found}


def _scope(file: str) -> str:
    secret = file.removeprefix("sds-").removesuffix(".json").replace(":", "_")
    return _COLLECTIONS.get(file) or f"sds.{secret}"


def _kind(file: str) -> str:
    return _KINDS.get(file) or f"secret {file.removeprefix('sds-').removesuffix('.json')}"


def _count(found: Mapping[str, str]) -> int:
    return sum(int(found.get(what, 0)) for what in _REFUSED)


def _has_refused(found: Mapping[str, str], before: int) -> bool:
    """Whether it has refused anything since; a proxy that was started anew counts from 0."""
    return 0 < _count(found) != before


def _words(dump: bytes) -> str:
    """What Envoy says of each listener that it refuses, shortened to what fits into an event."""
    reasons: dict[str, list[str]] = {}
    for listener in orjson.loads(dump).get("configs", ()):
        if details := listener.get("error_state", {}).get("details"):
            reasons.setdefault(" ".join(details.split()), []).append(listener.get("name", ""))
    said = (f"{', '.join(filter(None, names)) or 'a listener'}: {why}" for why, names in reasons.items())
    text = "; ".join(said)
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 3]}..."
