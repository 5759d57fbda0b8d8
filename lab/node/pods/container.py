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

from lab.kube.store import Object
from lab.node.images import programs
from lab.node.images.programs import Launch, Readiness
from lab.node.images.search_path import BadImage
from lab.node.images.store import NoSuchImage
from lab.node.network.pod_network import Sandbox
from lab.node.pods import container_program, lifecycle_hooks, security_context
from lab.node.pods.container_health import Health
from lab.node.pods.environment import environment, words
from lab.node.pods.pod_context import Surroundings, log_file
from lab.node.pods.probe_handlers import RunCommand, Target
from lab.node.pods.status import ContainerState, Role, Running, Terminated, Waiting, now
from lab.node.pods.waiting import once_there
from lab.node.processes.spawner import Child, Place, Program, Spawner, StartFailed, Streams

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

    async def keep_running(self, around: Surroundings, policy: str) -> None:
        """Runs the container, again and again as the restart policy says, until it is over for good."""
        wait = 0.0
        while True:
            began = time.monotonic()
            ended = await self._run(around)
            self.state = replace(self.state, state=ended, ready=False, started=False)
            around.changed()
            if self.stopping or policy == "Never" or (policy == "OnFailure" and ended.exit_code == 0):
                return
            if time.monotonic() - began >= around.back_off.forgiven_after:
                wait = 0.0
            if wait:
                await self._back_off(around, wait, ended)
            wait = min(wait * 2 or around.back_off.first, around.back_off.most)
            self.state = replace(self.state, last=ended, restarts=self.state.restarts + 1)

    async def _back_off(self, around: Surroundings, wait: float, ended: Terminated) -> None:
        metadata = around.pod["metadata"]
        who = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {wait:g}s restarting failed container={self.name} pod={who}"
        self.state = replace(self.state, state=Waiting("CrashLoopBackOff", message), last=ended)
        around.changed()
        around.report("BackOff", f"Back-off restarting failed container {self.name} in pod {who}", "Warning")
        await asyncio.sleep(wait)

    async def _run(self, around: Surroundings) -> Terminated:
        """One run from image to exit."""
        started_at = now()
        launch, program = await self._configured(around)
        around.report(
            "Pulled", f'Container image "{self.spec["image"]}" already present on machine', "Normal"
        )
        if launch.config:
            await self._config_written(launch.config, around)
        self.program = program
        identity = f"lab://{uuid.uuid4().hex}"
        around.report("Created", f"Created container: {self.name}", "Normal")
        log = log_file(around.logs, self.name, self.state.restarts)
        log.parent.mkdir(parents=True, exist_ok=True)
        announce_read, announce_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            # Whatever user the program has, it may open /dev/stdout anew; the run directory is its owner's.
            os.fchmod(output, 0o666)
            try:
                place = Place(around.sandbox.network, around.sandbox.uts, contained=True)
                ready = announce_write if launch.readiness is Readiness.ANNOUNCED else None
                streams = Streams(around.spawner.null, output, output, ready=ready)
                self.child = await around.spawner.start(program, place, streams)
            except StartFailed as failure:
                return self._could_not_start(around, str(failure), started_at, identity)
            finally:
                os.close(output)
                os.close(announce_write)
            around.report("Started", f"Started container {self.name}", "Normal")
            self.state = replace(self.state, state=Running(started_at), container_id=identity)
            around.changed()
            async with self._watched(launch, announce_read, around):
                code = await self.child.wait()
        finally:
            os.close(announce_read)
            self.child = None
        return Terminated(code, "Error" if code else "Completed", started_at, now(), container_id=identity)

    async def _configured(self, around: Surroundings) -> tuple[Launch, Program]:
        """What to run. Waits for what is missing."""
        find = await self._pulled(around)

        def attempt() -> tuple[Launch, Program]:
            told = environment(self.spec, around.pod, around.sandbox.address, around.store)
            command, args = words(self.spec.get("command"), told), words(self.spec.get("args"), told)
            launch = around.alter_launch(find(programs.Request(command, args, told)))
            return launch, container_program.program(self.spec, around, launch, told)

        def missing(reason: str) -> None:
            self._waits(around, "CreateContainerConfigError", reason)
            around.report("Failed", f"Error: {reason}", "Warning")

        try:
            return await once_there(around.store, attempt, missing)
        except (programs.NothingToRun, security_context.Refused) as refused:
            missing(str(refused))
            # Neither the pod nor its image will say anything else.
            await asyncio.Event().wait()
            raise

    async def _pulled(self, around: Surroundings) -> Callable[[programs.Request], Launch]:
        """What the image stands for; waits until it is there, as for an image that cannot be pulled."""
        image = self.spec["image"]
        said = ""
        while True:
            try:
                return around.images.find(image)
            except (NoSuchImage, BadImage) as problem:
                why = f'Failed to pull image "{image}": {problem}'
            if why != said:
                around.report("Pulling", f'Pulling image "{image}"', "Normal")
                around.report("Failed", why, "Warning")
                around.report("Failed", "Error: ErrImagePull", "Warning")
                self._waits(around, "ErrImagePull", why)
            await asyncio.sleep(_PULL_RETRY_S)
            if why != said:
                around.report("BackOff", f'Back-off pulling image "{image}"', "Normal")
                around.report("Failed", "Error: ImagePullBackOff", "Warning")
                self._waits(around, "ImagePullBackOff", f'Back-off pulling image "{image}": {why}')
            said = why

    def _waits(self, around: Surroundings, reason: str, message: str) -> None:
        self.state = replace(self.state, state=Waiting(reason, message))
        around.changed()

    async def _config_written(self, config: Path, around: Surroundings) -> None:
        """Waits until the mesh has written the proxy's configuration; after ten seconds also says so."""
        said = False
        began = time.monotonic()
        while not config.exists():  # noqa: ASYNC240 - does not block
            if not said and time.monotonic() - began > _PROXY_CONFIG_TIMEOUT_S:
                around.report(
                    "Failed", f"Error: the mesh has written no configuration to {config}", "Warning"
                )
                said = True
            await asyncio.sleep(_PROXY_POLL_S)
        # Left by a former run, it would keep the proxy from listening.
        (config.parent / "admin.sock").unlink(missing_ok=True)

    def _could_not_start(self, around: Surroundings, why: str, started_at: str, identity: str) -> Terminated:
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
            f"runc create failed: unable to start container process: {why}: unknown"
        )
        around.report("Failed", f"Error: {message}", "Warning")
        self._waits(around, "RunContainerError", message)
        return Terminated(_START_ERROR_CODE, "StartError", started_at, now(), message, identity)

    @asynccontextmanager
    async def _watched(self, launch: Launch, announced: int, around: Surroundings) -> AsyncIterator[None]:
        """While inside, the container becomes ready and is probed."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(Health(self, around).watch(launch, announced))
            try:
                yield
            finally:
                watching.cancel()

    def becomes(self, around: Surroundings, *, ready: bool) -> None:
        """Has the pod's status show that it is started, and whether it is ready."""
        self.state = replace(self.state, ready=ready, started=True)
        self.started.set()
        around.changed()

    def restart(self, around: Surroundings, why: str, grace: float) -> None:
        """Ends the program in `grace` seconds; what comes then is the restart policy's."""
        if self.stopping or (self._ending is not None and not self._ending.done()):
            return  # it ends already: what it does before its end is done once
        around.report("Killing", why, "Normal")
        # Not a task of who looks after its health: that one ends before the program has.
        self._ending = asyncio.get_running_loop().create_task(self.stop(around, grace))

    async def stop(self, around: Surroundings, grace: float) -> None:
        """Does what it is to do before its end, asks the program to end, and ends it, all in `grace` seconds.

        Returns when the program has ended.
        """
        if (child := self.child) is None:
            return
        asyncio.get_running_loop().call_later(grace, child.kill)
        if (hook := (self.spec.get("lifecycle") or {}).get("preStop")) and grace:
            before = asyncio.ensure_future(self._before_end(hook, around))
            ended = asyncio.ensure_future(child.wait())
            try:
                await asyncio.wait([before, ended], return_when=asyncio.FIRST_COMPLETED)
            finally:
                before.cancel()
                ended.cancel()
        child.signal(signal.SIGTERM)
        await child.wait()

    async def _before_end(self, hook: Object, around: Surroundings) -> None:
        try:
            await lifecycle_hooks.run(hook, self.target(around))
        except lifecycle_hooks.HookFailed as failure:
            around.report("FailedPreStopHook", str(failure), "Warning")

    def target(self, around: Surroundings) -> Target:
        """What probes and hooks are sent to."""
        ports = {p["name"]: p["containerPort"] for p in self.spec.get("ports") or () if "name" in p}
        return Target(around.sandbox.address, ports, self.run_in(around), around.spawner)

    def run_in(self, around: Surroundings) -> RunCommand:
        async def run(command: Sequence[str]) -> tuple[int, str]:
            output = os.memfd_create("probe", os.MFD_CLOEXEC)
            try:
                streams = Streams(around.spawner.null, output, output)
                child = await self.start_beside(around.sandbox, around.spawner, command, streams)
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
        """Starts another program in the running container, with the same rights. Raises StartFailed."""
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
            return await spawner.start(program, Place(sandbox.network, sandbox.uts, mount), streams)
        finally:
            os.close(mount)
