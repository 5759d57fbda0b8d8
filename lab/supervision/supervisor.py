"""The supervisor: one process, one event loop, in which API server, controllers, node and mesh run.

This is the composition root: the only module that combines the packages of the lab.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from lab.config import NO_MESH, BadFault, LabConfig
from lab.host import run_directory
from lab.kube.api.server import ApiServer
from lab.kube.client import NAMESPACES, Client, Object, Store, now
from lab.kube.cluster import API_SERVER_IP
from lab.kube.controllers import run_all
from lab.kube.identity.auth import kubeconfig
from lab.kube.identity.pki import Credentials
from lab.kube.identity.tokens import ServiceAccountTokens
from lab.kube.kinds.scheme import Scheme
from lab.kube.runtime import Runtime
from lab.kube.serving import Serving
from lab.kube.writing.writes import Writes
from lab.mesh.config import unknown_kinds
from lab.mesh.config.apis import APIS
from lab.mesh.config.cel_rules import CEL_RULES
from lab.mesh.control_plane.controller import ReferenceMesh
from lab.mesh.envoy.resources import Resources
from lab.node.images.programs import Launch
from lab.node.images.store import ImageStore
from lab.node.network.host_ports import HostPorts
from lab.node.network.pod_network import NODE_ADDRESS
from lab.node.node import Node
from lab.node.pods.volume_content import AccountTokens
from lab.node.processes.spawner import Spawner
from lab.supervision.watches import Watches

API_PORT = 6443
"""The API server's port in the pod network; pods reach it as kubernetes.default:443."""

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
LOCALHOST = "127.0.0.1"

Part = TypeVar("Part")


class Alter(Protocol):
    """Applies the faults to a part of the lab of the given type; without faults returns it unchanged."""

    def __call__(self, hook: type, part: Part, /) -> Part: ...


@dataclass(frozen=True)
class Cluster:
    """The parts of the lab, combined."""

    objects: Writes
    credentials: Credentials
    node: Node
    mesh: ReferenceMesh | None
    """None in a cluster without the reference mesh."""
    server: Serving
    tokens: ServiceAccountTokens
    account_secrets: bool
    """Whether every ServiceAccount has a Secret with a token."""

    @classmethod
    def compose(cls, config: LabConfig, spawner: Spawner, alter: Alter) -> Cluster:
        scheme = Scheme()
        scheme.cel_rules.update(CEL_RULES)
        host_ports = alter(HostPorts, HostPorts(socket.socket(fileno=config.host_listener_fd)))
        scheme.node_port_is_free = host_ports.node_port_is_free
        objects = Writes(Store(), scheme)
        credentials = Credentials.new([], [LOCALHOST, NODE_ADDRESS, API_SERVER_IP])
        tokens = ServiceAccountTokens(credentials.service_account_key, objects.store)
        node = Node(
            objects,
            spawner,
            config.directory / "pods",
            tokens=_account_tokens(tokens, credentials),
            host_ports=host_ports,
            images=ImageStore([Path(directory) for directory in config.images]),
            alter_launch=Watches(socket.socket(fileno=config.watches_fd)).given_to_proxies(
                partial(alter, Launch)
            ),
        )
        # A fault that ends the API server has looked at the objects before.
        seen: Client = alter(Client, objects)
        server = ApiServer(objects, scheme, alter(Runtime, node.runtime), credentials)
        serving: Serving = alter(Serving, server)
        if config.mesh == NO_MESH:
            return cls(objects, credentials, node, None, serving, tokens, account_secrets=False)
        api = APIS[config.mesh]
        scheme.notice = unknown_kinds.notice({*api.keys, *api.admission})
        mesh = ReferenceMesh(
            seen,
            config.directory,
            api,
            alter_model=lambda part: alter(type(part), part),
            alter_resources=partial(alter, Resources),
        )
        return cls(objects, credentials, node, mesh, serving, tokens, api.account_secrets)

    def install(self) -> None:
        """Creates the objects that every cluster has from the start."""
        for name in SYSTEM_NAMESPACES:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.objects.create(NAMESPACES, namespace, manager="kube-apiserver")
        self.node.install()
        if self.mesh is not None:
            self.mesh.install()

    async def run(self) -> None:
        """Runs everything but the API server, forever."""
        api_address = (NODE_ADDRESS, API_PORT)
        async with asyncio.TaskGroup() as tasks:
            ca = self.credentials.ca_certificate
            tasks.create_task(
                run_all(
                    self.objects,
                    ca_certificate=ca,
                    api_address=api_address,
                    tokens=self.tokens,
                    account_secrets=self.account_secrets,
                )
            )
            tasks.create_task(self.node.run())
            if self.mesh is not None:
                tasks.create_task(self.mesh.run())


def main(config: LabConfig, channel: socket.socket) -> int:
    """Runs the lab until a signal asks it to end. Returns the exit code of the process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    lock = run_directory.claim_supervisor(config.directory)
    try:
        asyncio.run(_run(config, channel, _alteration(config)))
    except BadFault as error:
        _report(config, {"bad fault": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the user is told why there is no lab
        traceback.print_exc()
        with contextlib.suppress(OSError):  # closed when the lab was ready already
            _report(config, {"failed": " ".join(str(_first(error)).split()) or type(error).__name__})
        return 1
    run_directory.remove_content(config.directory)
    os.close(lock)
    return 0


async def _run(config: LabConfig, channel: socket.socket, alter: Alter) -> None:
    asked_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    cluster = Cluster.compose(config, Spawner(channel), alter)
    connecting = asyncio.create_task(cluster.node.connect())
    cluster.install()
    await connecting
    listeners = [
        socket.socket(fileno=config.listener_fd),
        socket.create_server((NODE_ADDRESS, API_PORT), backlog=128),
    ]
    await cluster.server.start(listeners)
    running = asyncio.create_task(cluster.run())
    _announce(config, cluster.credentials)
    # Start-up makes much that lives as long as the lab, and next to no garbage: the collector need not look
    # at it, not even once, which takes 50 ms.
    gc.freeze()
    gc.enable()
    ending = asyncio.create_task(asked_to_end.wait())
    await asyncio.wait([running, ending], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()  # raises what went wrong
    await cluster.server.stop()


def _account_tokens(tokens: ServiceAccountTokens, credentials: Credentials) -> AccountTokens:
    def issue(account: Object, pod: Object, audiences: Sequence[str], lifetime: int) -> str:
        return tokens.issue(account, audiences=audiences, lifetime=lifetime, bound=pod)[0]

    return AccountTokens(issue, credentials.ca_certificate)


def _unaltered(_hook: type, part: Part) -> Part:
    return part


def _alteration(config: LabConfig) -> Alter:
    if not config.faults:
        return _unaltered
    from lab import faults

    return faults.load(config.faults, config.mesh).alter


def _announce(config: LabConfig, credentials: Credentials) -> None:
    """Writes the kubeconfig and the state, then reports that the lab is ready."""
    text = kubeconfig(credentials, f"https://{LOCALHOST}:{config.port}")
    own = config.directory / "kubeconfig"
    _write_whole(own, text)
    state: run_directory.LabState = {
        "name": config.name,
        "port": config.port,
        "mesh": config.mesh,
        "faults": config.faults,
        "kubeconfig": config.kubeconfig,
        "since": now(),
    }
    _write_whole(config.directory / "lab.json", json.dumps(state))
    if config.kubeconfig != str(own):
        _write_whole(Path(config.kubeconfig), text)
    _report(config, {"ready": True})


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)


def _report(config: LabConfig, message: dict[str, object]) -> None:
    os.write(config.report_fd, json.dumps(message).encode() + b"\n")
    os.close(config.report_fd)


def _first(error: BaseException) -> BaseException:
    """The error itself, out of the groups that task groups put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
