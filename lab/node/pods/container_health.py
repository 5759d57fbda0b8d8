"""Whether a running container is started, ready and alive."""

from __future__ import annotations

import asyncio
import os
from typing import Literal, Protocol

from lab.kube.client import Object
from lab.node.images.programs import Launch, Readiness
from lab.node.pods import lifecycle_hooks, probes
from lab.node.pods.pod_context import PodContext, grace_of
from lab.node.pods.probe_handlers import Target
from lab.node.pods.status import ContainerState

_PROXY_POLL_S = 0.005


class Probed(Protocol):
    """The part of a container that its health checks use."""

    spec: Object
    name: str
    state: ContainerState
    after_start: asyncio.Event

    def target(self, context: PodContext) -> Target: ...

    def becomes(self, context: PodContext, *, ready: bool) -> None:
        """Has the pod's status show that it is started, and whether it is ready."""

    def restart(self, context: PodContext, why: str, grace: float) -> None:
        """Ends the program in `grace` seconds; what comes then is the restart policy's."""


class Health:
    """Watches one run of a container, and updates its state."""

    def __init__(self, container: Probed, context: PodContext) -> None:
        self._container = container
        self._context = context

    async def watch(self, launch: Launch, announced: int) -> None:
        """Watches it, forever; `announced` is the reading end of the program's readiness pipe."""
        spec = self._container.spec
        target = self._container.target(self._context)
        if hook := (spec.get("lifecycle") or {}).get("postStart"):
            await self._after_start(hook, target)
        self._container.after_start.set()
        if launch.readiness is Readiness.ANNOUNCED:
            await _readable(announced)
        elif launch.readiness is Readiness.PROXY_LIVE and launch.config:
            # Envoy announces nothing: it has to be asked.
            while not await probes.proxy_is_live(launch.config.parent / "admin.sock"):  # noqa: ASYNC110
                await asyncio.sleep(_PROXY_POLL_S)
        if probe := spec.get("startupProbe"):
            await self._started_up(probe, target)
        self._container.becomes(self._context, ready="readinessProbe" not in spec)
        async with asyncio.TaskGroup() as tasks:
            if probe := spec.get("readinessProbe"):
                report = self._readiness_reporter()
                tasks.create_task(probes.watch(probe, target, healthy=False, report=report))
            if probe := spec.get("livenessProbe"):
                report = self._liveness_reporter("liveness", probe)
                tasks.create_task(probes.watch(probe, target, healthy=True, report=report))

    async def _after_start(self, hook: Object, target: Target) -> None:
        """Runs the postStart hook; a container whose hook fails is terminated."""
        try:
            await lifecycle_hooks.run(hook, target)
        except lifecycle_hooks.HookFailed as failure:
            self._context.report("FailedPostStartHook", str(failure), "Warning")
            why = f"FailedPostStartHook: container {self._container.name} will be restarted"
            self._container.restart(self._context, why, grace_of(self._context.pod))
            await asyncio.Event().wait()

    async def _started_up(self, probe: Object, target: Target) -> None:
        passed = asyncio.Event()
        failed = self._liveness_reporter("startup", probe)
        failures = 0

        def report(healthy: bool, message: str | None) -> None:
            nonlocal failures
            if healthy:
                passed.set()
            elif message is not None:
                failures += 1
                failed(failures < probes.Timing.of(probe).failures, message)

        async with asyncio.TaskGroup() as tasks:
            probing = tasks.create_task(probes.watch(probe, target, healthy=False, report=report))
            await passed.wait()
            probing.cancel()

    def _readiness_reporter(self) -> probes.Report:
        def report(healthy: bool, message: str | None) -> None:
            if message is not None:
                self._context.report("Unhealthy", f"Readiness probe failed: {message}", "Warning")
            if healthy != self._container.state.ready:
                self._container.becomes(self._context, ready=healthy)

        return report

    def _liveness_reporter(self, kind: Literal["liveness", "startup"], probe: Object) -> probes.Report:
        grace = probe.get("terminationGracePeriodSeconds") or grace_of(self._context.pod)

        def report(healthy: bool, message: str | None) -> None:
            if message is not None:
                self._context.report("Unhealthy", f"{kind.capitalize()} probe failed: {message}", "Warning")
            if not healthy:
                why = f"Container {self._container.name} failed {kind} probe, will be restarted"
                self._container.restart(self._context, why, grace)

        return report


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _readable(fd: int) -> None:
    """Returns when a byte can be read; never when the other end closed without one."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _settle, arrived)
    try:
        await arrived
    finally:
        loop.remove_reader(fd)
    if not os.read(fd, 1):
        await asyncio.Event().wait()
