"""A node for tests: containers are programs of this machine, and every pod is ready at once.

A pod's containers keep running until the pod is deleted; `logs` are files in a directory of the test. The
annotation `test/unready` keeps a pod from becoming ready, `test/ended` shows its containers as terminated.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.kube.client import Client
from lab.kube.group_resources import PODS
from lab.kube.objects import Object, clone
from lab.kube.runtime import ExecFailed, Log, Mark, Unconnected

NODE = "node-0"
STARTED = "2026-01-01T00:00:00Z"


class LocalProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.stdin = process.stdin
        assert process.stdout
        self.stdout = process.stdout
        self.stderr = process.stderr

    async def wait(self) -> int:
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


@dataclass
class LocalRuntime:
    directory: Path
    started: list[int] = field(default_factory=list)
    marks: dict[str, list[Mark]] = field(default_factory=dict)

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> LocalProcess:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT if tty else asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ExecFailed(f'exec: "{argv[0]}": {error.strerror}') from None
        self.started.append(process.pid)
        return LocalProcess(process)

    async def connect(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            raise Unconnected(
                f"dial tcp4 127.0.0.1:{port}: {os.strerror(error.errno or 0).lower()}"
            ) from None

    def logs(self, pod: Object, container: str, *, previous: bool) -> Log | None:
        suffix = ".previous" if previous else ""
        path = self.directory / f"{pod['metadata']['name']}.{container}{suffix}.log"
        return Log(path, lambda: self.marks.get(path.name, [])) if path.exists() else None


async def run_node(objects: Client) -> None:
    """Makes every pod run, and every deleted one go."""
    addresses = itertools.count(2)
    async with objects.store.watch(PODS) as events:
        async for event in events:
            metadata = event.object["metadata"]
            namespace, name = metadata["namespace"], metadata["name"]
            live = objects.store.get(PODS, namespace, name)
            if live is None or live["metadata"]["uid"] != metadata["uid"]:
                continue
            if "deletionTimestamp" in live["metadata"]:
                objects.delete(PODS, namespace, name, grace_period=0)
                continue
            if "nodeName" not in live["spec"]:
                live = clone(live)
                live["spec"]["nodeName"] = NODE
                live = objects.update(PODS, live, manager="kubelet")
            if "podIP" not in live["status"]:
                address = f"10.244.0.{next(addresses)}"
            else:
                address = live["status"]["podIP"]
            objects.set_status(PODS, namespace, name, status_of(live, address), manager="kubelet")


def status_of(pod: Object, address: str) -> Object:
    annotations = pod["metadata"].get("annotations") or {}
    ready = "test/unready" not in annotations
    ended = "test/ended" in annotations
    running = {"running": {"startedAt": STARTED}}
    terminated = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": STARTED}}
    truth = {True: "True", False: "False"}
    conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": "10.244.0.1",
        "startTime": STARTED,
        "conditions": [
            {"type": kind, "status": truth[value], "lastTransitionTime": STARTED}
            for kind, value in conditions.items()
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready and not ended,
                "started": True,
                "restartCount": 0,
                "state": terminated if ended else running,
            }
            for container in pod["spec"]["containers"]
        ],
    }
