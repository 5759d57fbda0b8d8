"""One pod of the node: its address and network, its containers, and its termination."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lab.kube.client import PODS, ApiError, Client, Object
from lab.node.images.programs import AlterLaunch
from lab.node.images.store import ImageStore
from lab.node.network.dns import HostsFiles, hostname, own_lines
from lab.node.network.pod_network import NoAddressLeft, PodNetwork, Sandbox
from lab.node.pods import app_probers
from lab.node.pods.container import Container
from lab.node.pods.pod_context import BackOff, PodContext, grace_of
from lab.node.pods.status import Role, pod_status
from lab.node.pods.volume_content import AccountTokens, Sources
from lab.node.pods.volumes import Volumes
from lab.node.pods.waiting import once_there
from lab.node.processes.mounts import Bind, is_private
from lab.node.processes.spawner import Spawner, ToolFailed

NODE_NAME = "node-0"
KUBELET = "kubelet"

_SIDECARS_LEAST_GRACE_S = 2.0
"""Sidecars get as much even if the containers have used up the grace period; the kubelet's value."""


@dataclass(frozen=True)
class NodeContext:
    """What every pod of the node uses."""

    objects: Client
    spawner: Spawner
    pod_network: PodNetwork
    hosts_files: HostsFiles
    directory: Path
    back_off: BackOff
    tokens: AccountTokens | None
    images: ImageStore
    alter_launch: AlterLaunch


class NoHostNetwork(Exception):
    """A pod asks for the host network, from which it could reach the lab itself."""


class PodWorker:
    """Runs a pod from its creation to its removal."""

    def __init__(self, pod: Object, node: NodeContext) -> None:
        self.pod = pod
        self._node = node
        metadata = pod["metadata"]
        self.namespace: str = metadata["namespace"]
        self.name: str = metadata["name"]
        self.directory = node.directory / metadata["uid"]
        self.sandbox: Sandbox | None = None
        self._address: str | None = None
        spec = pod["spec"]
        self.init = [Container(c, "PodInitializing", _role(c)) for c in spec.get("initContainers") or ()]
        reason = "PodInitializing" if self.init else "ContainerCreating"
        self.containers = [Container(c, reason) for c in spec["containers"]]
        self._task = asyncio.get_running_loop().create_task(self._live())
        self._end: asyncio.Task[None] | None = None
        self._context: PodContext | None = None
        self._deadline = math.inf
        self._published: Object | None = None

    def container(self, name: str) -> Container | None:
        """A container or init container of the pod."""
        return next((c for c in (*self.containers, *self.init) if c.name == name), None)

    def end(self, grace: float) -> asyncio.Task[None]:
        """Terminates the pod with this grace period in seconds; the task is done when nothing is left.

        A second call can only shorten the grace period.
        """
        loop = asyncio.get_running_loop()
        self._deadline = min(self._deadline, loop.time() + grace)
        if self._end is None:
            self._end = loop.create_task(self._finish())
        elif not self._end.done():
            loop.call_at(self._deadline, self._kill)
        return self._end

    async def _live(self) -> None:
        try:
            self._context = await self._prepare()
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._context.volumes.keep_fresh())]
                if probers := app_probers.of(self.pod):
                    background.append(tasks.create_task(self._answer_probes(probers, self._context)))
                try:
                    await self._run_containers(self._context, tasks)
                finally:
                    for task in background:
                        task.cancel()
        except (ToolFailed, NoAddressLeft, NoHostNetwork) as failure:
            self._report("FailedCreatePodSandBox", f"Failed to create pod sandbox: {failure}", "Warning")
        except Exception as error:  # noqa: BLE001 - told in full; other pods go on
            traceback.print_exc(file=sys.stderr)
            self._report("FailedSync", f"error syncing pod: {error!r}", "Warning")

    async def _answer_probes(self, probers: app_probers.Probers, context: PodContext) -> None:
        network = context.sandbox.network
        target = replace(self.containers[0].target(context), network=network)
        await app_probers.serve(probers, network, target)

    async def _run_containers(self, context: PodContext, tasks: asyncio.TaskGroup) -> None:
        """Runs init containers and sidecars in order, then the containers; then stops the sidecars."""
        policy = self.pod["spec"].get("restartPolicy", "Always")
        running: list[asyncio.Task[None]] = []
        for container in self.init:
            if container.role == "sidecar":
                tasks.create_task(container.keep_running(context, "Always"))
                await container.started.wait()
                continue
            await container.keep_running(context, "Never" if policy == "Never" else "OnFailure")
            if not container.state.completed or container.stopping:
                break
        else:
            for container in self.containers:
                running.append(tasks.create_task(container.keep_running(context, policy)))
                if (container.spec.get("lifecycle") or {}).get("postStart"):
                    # The next one may stand on what it does: a mesh's proxy lets its application wait.
                    await container.after_start.wait()
        if running:
            await asyncio.wait(running)
        if self._end is None:
            await self._end_sidecars(context, grace_of(self.pod))

    async def _end_sidecars(self, context: PodContext, grace: float) -> None:
        """Stops them one after the other, in reverse order."""
        deadline = asyncio.get_running_loop().time() + grace
        for container in reversed([c for c in self.init if c.role == "sidecar"]):
            container.stopping = True
            left = min(deadline, self._deadline) - asyncio.get_running_loop().time()
            await self._stop(container, context, max(left, min(grace, _SIDECARS_LEAST_GRACE_S), 0.0))

    async def _stop(self, container: Container, context: PodContext, grace: float) -> None:
        if container.child is not None:
            self._report("Killing", f"Stopping container {container.name}", "Normal")
            await container.stop(context, grace)

    async def _prepare(self) -> PodContext:
        node = self._node
        if self.pod["spec"].get("hostNetwork"):
            raise NoHostNetwork("the lab's node lets no pod into its own network")
        self._address = node.pod_network.allocate()
        self._report(
            "Scheduled", f"Successfully assigned {self.namespace}/{self.name} to {NODE_NAME}", "Normal"
        )
        self._publish()
        self.sandbox = await node.pod_network.connect(self._address, hostname(self.pod))
        self.directory.mkdir()
        hosts = self.directory / "hosts"
        node.hosts_files.add(hosts, self.namespace, own_lines(self.pod, self._address))
        sources = Sources(self.pod, self._address, node.objects.store, node.tokens)
        volumes = Volumes(self.directory / "volumes", sources)
        await once_there(node.objects.store, volumes.prepare, self._no_mount)
        return PodContext(
            pod=self.pod,
            sandbox=self.sandbox,
            store=node.objects.store,
            spawner=node.spawner,
            dns=_dns_binds(hosts, node.hosts_files),
            machine=_machine_binds(node.hosts_files),
            images=node.images,
            volumes=volumes,
            logs=self.directory,
            back_off=node.back_off,
            alter_launch=node.alter_launch,
            report=self._report,
            changed=self._publish,
        )

    def _no_mount(self, why: str) -> None:
        self._report("FailedMount", why, "Warning")

    async def _finish(self) -> None:
        """Stops the containers, all at the same time, then the sidecars; then releases everything."""
        everybody = (*self.init, *self.containers)
        for container in everybody:
            container.stopping = True
        if (context := self._context) is not None:
            grace = max(0.0, self._deadline - asyncio.get_running_loop().time())
            first = [c for c in everybody if c.role != "sidecar"]
            await asyncio.gather(*(self._stop(container, context, grace) for container in first))
            await self._end_sidecars(context, grace)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self.sandbox is not None:
            await _end_all(self.sandbox)
            self._node.hosts_files.remove(self.directory / "hosts")
            self.sandbox.close()
            self.sandbox = None
        if self._address:
            self._node.pod_network.release(self._address)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kill(self) -> None:
        for container in (*self.init, *self.containers):
            if container.child is not None:
                container.child.kill()

    def _publish(self) -> None:
        objects = self._node.objects
        current = objects.store.get(PODS, self.namespace, self.name)
        if current is None or current["metadata"]["uid"] != self.pod["metadata"]["uid"]:
            return
        init, containers = [c.state for c in self.init], [c.state for c in self.containers]
        status = pod_status(current, self._address, init, containers, current.get("status") or {})
        objects.set_status(PODS, self.namespace, self.name, status, manager=KUBELET)

    def _report(self, reason: str, message: str, kind: Literal["Normal", "Warning"]) -> None:
        component = "default-scheduler" if reason == "Scheduled" else KUBELET
        # Events are best effort: a namespace that is being deleted takes no new ones.
        with contextlib.suppress(ApiError):
            self._node.objects.emit(self.pod, reason=reason, message=message, type=kind, component=component)


def _role(init_container: Object) -> Role:
    return "sidecar" if init_container.get("restartPolicy") == "Always" else "init"


async def _end_all(sandbox: Sandbox) -> None:
    """Kills the remaining processes in the pod's network, and waits until they are gone."""
    while pids := list(sandbox.processes()):
        for pid in pids:
            await _end_process(pid)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _end_process(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        loop.add_reader(fd, _settle, gone)
        await gone
    except ProcessLookupError:
        return
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _dns_binds(hosts: Path, hosts_files: HostsFiles) -> Sequence[Bind]:
    return (
        Bind(str(hosts), "/etc/hosts"),
        Bind(str(hosts_files.resolver), "/etc/resolv.conf", optional=True),
    )


def _machine_binds(hosts_files: HostsFiles) -> Sequence[Bind]:
    return (
        Bind(str(hosts_files.switch), "/etc/nsswitch.conf", optional=True),
        *(Bind(path, path) for path in _program_roots() if is_private(path)),
    )


def _program_roots() -> list[str]:
    """Directories of the lab's own programs, which containers must see even if they are below /tmp."""
    roots = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), *filter(os.path.isdir, sys.path)}
    return sorted(roots)
