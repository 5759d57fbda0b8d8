"""One pod of the node: address, network, init containers, containers, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.kube.store import ApiError, Key, Object, Objects
from lab.node.containers import Container
from lab.node.environment import hostname
from lab.node.image_store import ImageStore
from lab.node.images import AlterLaunch
from lab.node.mounts import Bind, is_private
from lab.node.names import Names
from lab.node.processes import Spawner, ToolFailed
from lab.node.status import Terminated, pod_status
from lab.node.surroundings import BackOff, Surroundings
from lab.node.volume_content import AccountTokens, Sources
from lab.node.volumes import Volumes
from lab.node.waiting import once_there
from lab.node.wiring import NoAddressLeft, Sandbox, Wiring

PODS = Key("", "pods")
NODE_NAME = "node-0"
KUBELET = "kubelet"


@dataclass(frozen=True)
class Services:
    """What every pod of the node uses."""

    objects: Objects
    spawner: Spawner
    wiring: Wiring
    names: Names
    directory: Path
    back_off: BackOff
    tokens: AccountTokens | None
    images: ImageStore
    alter_launch: AlterLaunch


class NoHostNetwork(Exception):
    """A pod asks for the node's network, from which it could reach into the lab itself."""


class PodWorker:
    """Runs a pod from its creation to its removal."""

    def __init__(self, pod: Object, services: Services) -> None:
        self.pod = pod
        self._services = services
        metadata = pod["metadata"]
        self.namespace: str = metadata["namespace"]
        self.name: str = metadata["name"]
        self.directory = services.directory / metadata["uid"]
        self.sandbox: Sandbox | None = None
        self._address: str | None = None
        spec = pod["spec"]
        self.init = [Container(c, "PodInitializing") for c in spec.get("initContainers") or ()]
        reason = "PodInitializing" if self.init else "ContainerCreating"
        self.containers = [Container(c, reason) for c in spec["containers"]]
        self._task = asyncio.get_running_loop().create_task(self._live())
        self._end: asyncio.Task[None] | None = None
        self._published: Object | None = None

    def container(self, name: str) -> Container | None:
        """A container or init container of the pod."""
        return next((c for c in (*self.containers, *self.init) if c.name == name), None)

    def end(self, grace: float) -> asyncio.Task[None]:
        """Ends the pod, `grace` seconds after asking its programs to end. The task: until nothing is left.

        A second call only shortens the wait.
        """
        if self._end is None:
            self._end = asyncio.get_running_loop().create_task(self._finish(grace))
        elif not self._end.done():
            asyncio.get_running_loop().call_later(grace, self._kill)
        return self._end

    async def _live(self) -> None:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        try:
            around = await self._prepare()
            for container in self.init:
                await container.keep_running(around, "Never" if policy == "Never" else "OnFailure")
                ended = container.state.state
                if not isinstance(ended, Terminated) or ended.exit_code:
                    return
            async with asyncio.TaskGroup() as tasks:
                for container in self.containers:
                    tasks.create_task(container.keep_running(around, policy))
        except (ToolFailed, NoAddressLeft, NoHostNetwork) as failure:
            self._report("FailedCreatePodSandBox", f"Failed to create pod sandbox: {failure}", "Warning")
        except Exception as error:  # noqa: BLE001 - told in full; other pods go on
            traceback.print_exc(file=sys.stderr)
            self._report("FailedSync", f"error syncing pod: {error!r}", "Warning")

    async def _prepare(self) -> Surroundings:
        services = self._services
        if self.pod["spec"].get("hostNetwork"):
            raise NoHostNetwork("the lab's node lets no pod into its own network")
        self._address = services.wiring.allocate()
        self._report(
            "Scheduled", f"Successfully assigned {self.namespace}/{self.name} to {NODE_NAME}", "Normal"
        )
        self._publish()
        self.sandbox = await services.wiring.connect(self._address, hostname(self.pod))
        self.directory.mkdir()
        hosts = self.directory / "hosts"
        services.names.add(hosts, self.namespace, hostname(self.pod), self._address)
        sources = Sources(self.pod, self._address, services.objects.store, services.tokens)
        volumes = Volumes(self.directory / "volumes", sources)
        await once_there(services.objects.store, volumes.prepare, self._no_mount)
        return Surroundings(
            pod=self.pod,
            sandbox=self.sandbox,
            store=services.objects.store,
            spawner=services.spawner,
            names=_name_binds(hosts, services.names),
            machine=_machine_binds(services.names),
            images=services.images,
            volumes=volumes,
            logs=self.directory,
            back_off=services.back_off,
            alter_launch=services.alter_launch,
            report=self._report,
            changed=self._publish,
        )

    def _no_mount(self, why: str) -> None:
        self._report("FailedMount", why, "Warning")

    async def _finish(self, grace: float) -> None:
        """Asks, waits, ends; then releases everything."""
        everybody = (*self.init, *self.containers)
        running = [c for c in everybody if c.child is not None]
        for container in everybody:
            container.stopping = True
        for container in running:
            self._report("Killing", f"Stopping container {container.name}", "Normal")
            container.end(grace)
        children = [c.child for c in running if c.child is not None]
        if children:
            await asyncio.wait([asyncio.ensure_future(child.wait()) for child in children])
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self.sandbox is not None:
            await _end_all(self.sandbox)
            self._services.names.remove(self.directory / "hosts")
            self.sandbox.close()
            self.sandbox = None
        if self._address:
            self._services.wiring.release(self._address)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kill(self) -> None:
        for container in (*self.init, *self.containers):
            if container.child is not None:
                container.child.kill()

    def _publish(self) -> None:
        objects = self._services.objects
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
            self._services.objects.emit(
                self.pod, reason=reason, message=message, type=kind, component=component
            )


async def _end_all(sandbox: Sandbox) -> None:
    """Ends whatever is left in the pod's network, and returns when it is gone."""
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


def _name_binds(hosts: Path, names: Names) -> Sequence[Bind]:
    return (
        Bind(str(hosts), "/etc/hosts"),
        Bind(str(names.resolver), "/etc/resolv.conf", optional=True),
    )


def _machine_binds(names: Names) -> Sequence[Bind]:
    return (
        Bind(str(names.switch), "/etc/nsswitch.conf", optional=True),
        *(Bind(path, path) for path in _program_roots() if is_private(path)),
    )


def _program_roots() -> list[str]:
    """Where the lab's own programs lie: containers must see them also if that is below /tmp."""
    roots = {sys.prefix, sys.base_prefix, str(Path(__file__).parent), *filter(os.path.isdir, sys.path)}
    return sorted(roots)
