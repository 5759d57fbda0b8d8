"""One container of a pod: started from its image, made ready, probed, restarted with back-off."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from lab.kube.client import Object, now
from lab.node.images import programs
from lab.node.images.programs import Launch, Readiness
from lab.node.images.search_path import BadImage
from lab.node.images.store import NoSuchImage
from lab.node.network.pod_network import Sandbox
from lab.node.pods import container_program, lifecycle_hooks, security_context
from lab.node.pods.container_health import Health
from lab.node.pods.environment import environment, words
from lab.node.pods.pod_context import PodContext, log_file
from lab.node.pods.probe_handlers import RunCommand, Target
from lab.node.pods.status import ContainerState, Role, Running, Terminated, Waiting
from lab.node.pods.waiting import once_there
from lab.node.processes.spawner import Child, Namespaces, Program, Spawner, StartFailed, Streams

_PROXY_CONFIG_TIMEOUT_S = 10.0
_PROXY_POLL_S = 0.005
_START_ERROR_CODE = 128
_PULL_RETRY_S = 1.0
_OUTPUT_LIMIT = 10 * 1024


class Container:
    """A container's life. `state` is what the pod's status shows of it."""

    def __init__(self, spec: Object, reason: str, role: Role = "container") -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.role = role
        self.state = ContainerState(self.name, spec["image"], Waiting(reason), role=role)
        self.started = asyncio.Event()
        """It has started once, as its startup probe has it."""
        self.after_start = asyncio.Event()
        """What it is to do after its start has been done once, if there is anything."""
        self._ending: asyncio.Task[None] | None = None
        self.child: Child | None = None
        self.program: Program | None = None
        self.stopping = False

    async def keep_running(self, context: PodContext, policy: str) -> None:
        """Runs the container, and restarts it as its restart policy says, until it has ended for good."""
        wait = 0.0
        while True:
            began = time.monotonic()
            ended = await self._run(context)
            self.state = replace(self.state, state=ended, ready=False, started=False)
            context.changed()
            if self.stopping or policy == "Never" or (policy == "OnFailure" and ended.exit_code == 0):
                return
            if time.monotonic() - began >= context.back_off.forgiven_after:
                wait = 0.0
            if wait:
                await self._back_off(context, wait, ended)
            wait = min(wait * 2 or context.back_off.first, context.back_off.most)
            self.state = replace(self.state, last=ended, restarts=self.state.restarts + 1)

    async def _back_off(self, context: PodContext, wait: float, ended: Terminated) -> None:
        metadata = context.pod["metadata"]
        who = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {wait:g}s restarting failed container={self.name} pod={who}"
        self.state = replace(self.state, state=Waiting("CrashLoopBackOff", message), last=ended)
        context.changed()
        context.report("BackOff", f"Back-off restarting failed container {self.name} in pod {who}", "Warning")
        await asyncio.sleep(wait)

    async def _run(self, context: PodContext) -> Terminated:
        """One run from image to exit."""
        started_at = now()
        launch, program = await self._configured(context)
        context.report(
            "Pulled", f'Container image "{self.spec["image"]}" already present on machine', "Normal"
        )
        if launch.config:
            await self._config_written(launch.config, context)
        self.program = program
        identity = f"lab://{uuid.uuid4().hex}"
        context.report("Created", f"Created container: {self.name}", "Normal")
        log = log_file(context.logs, self.name, self.state.restarts)
        log.parent.mkdir(parents=True, exist_ok=True)
        announce_read, announce_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            # Whatever user the program has, it may open /dev/stdout anew; the run directory is its owner's.
            os.fchmod(output, 0o666)
            try:
                namespaces = Namespaces(context.sandbox.network, context.sandbox.uts, contained=True)
                ready = announce_write if launch.readiness is Readiness.ANNOUNCED else None
                streams = Streams(context.spawner.null, output, output, ready=ready)
                self.child = await context.spawner.start(program, namespaces, streams)
            except StartFailed as failure:
                return self._could_not_start(context, str(failure), started_at, identity)
            finally:
                os.close(output)
                os.close(announce_write)
            context.report("Started", f"Started container {self.name}", "Normal")
            self.state = replace(self.state, state=Running(started_at), container_id=identity)
            context.changed()
            async with self._watched(launch, announce_read, context):
                code = await self.child.wait()
        finally:
            os.close(announce_read)
            self.child = None
        return Terminated(code, "Error" if code else "Completed", started_at, now(), container_id=identity)

    async def _configured(self, context: PodContext) -> tuple[Launch, Program]:
        """What to run. Waits for missing ConfigMaps, Secrets and the like."""
        find = await self._pulled(context)

        def attempt() -> tuple[Launch, Program]:
            variables = environment(self.spec, context.pod, context.sandbox.address, context.store)
            command, args = (
                words(self.spec.get("command"), variables),
                words(self.spec.get("args"), variables),
            )
            launch = context.alter_launch(find(programs.ContainerCommand(command, args, variables)))
            return launch, container_program.program(self.spec, context, launch, variables)

        def missing(reason: str) -> None:
            self._waits(context, "CreateContainerConfigError", reason)
            context.report("Failed", f"Error: {reason}", "Warning")

        try:
            return await once_there(context.store, attempt, missing)
        except (programs.NothingToRun, security_context.Refused) as refused:
            missing(str(refused))
            # Neither the pod nor its image will say anything else.
            await asyncio.Event().wait()
            raise

    async def _pulled(self, context: PodContext) -> Callable[[programs.ContainerCommand], Launch]:
        """The image; waits until it exists, as for one that cannot be pulled."""
        image = self.spec["image"]
        said = ""
        while True:
            try:
                return context.images.find(image)
            except (NoSuchImage, BadImage) as problem:
                why = f'Failed to pull image "{image}": {problem}'
            if why != said:
                context.report("Pulling", f'Pulling image "{image}"', "Normal")
                context.report("Failed", why, "Warning")
                context.report("Failed", "Error: ErrImagePull", "Warning")
                self._waits(context, "ErrImagePull", why)
            await asyncio.sleep(_PULL_RETRY_S)
            if why != said:
                context.report("BackOff", f'Back-off pulling image "{image}"', "Normal")
                context.report("Failed", "Error: ImagePullBackOff", "Warning")
                self._waits(context, "ImagePullBackOff", f'Back-off pulling image "{image}": {why}')
            said = why

    def _waits(self, context: PodContext, reason: str, message: str) -> None:
        self.state = replace(self.state, state=Waiting(reason, message))
        context.changed()

    async def _config_written(self, config: Path, context: PodContext) -> None:
        """Waits until the mesh has written the proxy's configuration; reports it after ten seconds."""
        said = False
        began = time.monotonic()
        while not config.exists():  # noqa: ASYNC240 - does not block
            if not said and time.monotonic() - began > _PROXY_CONFIG_TIMEOUT_S:
                context.report(
                    "Failed", f"Error: the mesh has written no configuration to {config}", "Warning"
                )
                said = True
            await asyncio.sleep(_PROXY_POLL_S)
        # Left by a former run, it would keep the proxy from listening.
        (config.parent / "admin.sock").unlink(missing_ok=True)

    def _could_not_start(self, context: PodContext, why: str, started_at: str, identity: str) -> Terminated:
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
            f"runc create failed: unable to start container process: {why}: unknown"
        )
        context.report("Failed", f"Error: {message}", "Warning")
        self._waits(context, "RunContainerError", message)
        return Terminated(_START_ERROR_CODE, "StartError", started_at, now(), message, identity)

    @asynccontextmanager
    async def _watched(self, launch: Launch, announced: int, context: PodContext) -> AsyncIterator[None]:
        """A context in which the container's readiness is watched and its probes run."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(Health(self, context).watch(launch, announced))
            try:
                yield
            finally:
                watching.cancel()

    def becomes(self, context: PodContext, *, ready: bool) -> None:
        """Has the pod's status show that it is started, and whether it is ready."""
        self.state = replace(self.state, ready=ready, started=True)
        self.started.set()
        context.changed()

    def restart(self, context: PodContext, why: str, grace: float) -> None:
        """Ends the program in `grace` seconds; what comes then is the restart policy's."""
        if self.stopping or (self._ending is not None and not self._ending.done()):
            return  # it ends already: what it does before its end is done once
        context.report("Killing", why, "Normal")
        # Not a task of who looks after its health: that one ends before the program has.
        self._ending = asyncio.get_running_loop().create_task(self.stop(context, grace))

    async def stop(self, context: PodContext, grace: float) -> None:
        """Runs the preStop hook, sends SIGTERM, then SIGKILL, all within `grace` seconds.

        Returns when the program has ended.
        """
        if (child := self.child) is None:
            return
        asyncio.get_running_loop().call_later(grace, child.kill)
        if (hook := (self.spec.get("lifecycle") or {}).get("preStop")) and grace:
            before = asyncio.ensure_future(self._before_end(hook, context))
            ended = asyncio.ensure_future(child.wait())
            try:
                await asyncio.wait([before, ended], return_when=asyncio.FIRST_COMPLETED)
            finally:
                before.cancel()
                ended.cancel()
        child.signal(signal.SIGTERM)
        await child.wait()

    async def _before_end(self, hook: Object, context: PodContext) -> None:
        try:
            await lifecycle_hooks.run(hook, self.target(context))
        except lifecycle_hooks.HookFailed as failure:
            context.report("FailedPreStopHook", str(failure), "Warning")

    def target(self, context: PodContext) -> Target:
        """What probes and hooks are sent to."""
        ports = {p["name"]: p["containerPort"] for p in self.spec.get("ports") or () if "name" in p}
        return Target(context.sandbox.address, ports, self.run_in(context), context.spawner)

    def run_in(self, context: PodContext) -> RunCommand:
        async def run(command: Sequence[str]) -> tuple[int, str]:
            output = os.memfd_create("probe", os.MFD_CLOEXEC)
            try:
                streams = Streams(context.spawner.null, output, output)
                child = await self.start_beside(context.sandbox, context.spawner, command, streams)
                try:
                    code = await child.wait()
                finally:
                    child.kill()  # a probe that timed out leaves nothing
                return code, os.pread(output, _OUTPUT_LIMIT, 0).decode(errors="replace")
            except StartFailed as failure:
                return 126, str(failure)
            finally:
                os.close(output)

        return run

    async def start_beside(
        self, sandbox: Sandbox, spawner: Spawner, argv: Sequence[str], streams: Streams
    ) -> Child:
        """Starts another program in the running container, with the same privileges. Raises StartFailed."""
        if self.child is None or self.program is None:
            raise StartFailed("container is not running")
        try:
            mount = self.child.mount_namespace()
        except OSError as error:
            raise StartFailed("container is not running") from error  # it has ended this instant
        try:
            program = replace(
                self.program,
                argv=argv,
                environment=self.program.container_environment,
                view=replace(self.program.view, binds=()),
                group_ends=False,
            )
            return await spawner.start(program, Namespaces(sandbox.network, sandbox.uts, mount), streams)
        finally:
            os.close(mount)
