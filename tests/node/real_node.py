"""Runs a test in a node of its own: real namespaces and processes, no API server.

A test decorated with `on_a_node` is a coroutine function that is given a `TestNode`. It runs in a process of
its own inside new namespaces, like the lab's supervisor; what it raises is shown by the test that fails.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from lab.host import identities, preconditions
from lab.kube.client import ENDPOINT_SLICES, EVENTS, NAMESPACES, PODS, SERVICES, Object, Store
from lab.kube.controllers import run_all
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.node.images import apps
from lab.node.images.store import ImageStore
from lab.node.node import Node
from lab.node.pods.pod_context import BackOff
from lab.node.pods.volume_content import AccountTokens
from lab.node.processes import pid1
from lab.node.processes.prepared import Prepared
from lab.node.processes.spawner import Spawner
from tests.labs import short_directory
from tests.node.forked_nodes import ForkedNodes, Wanted

ROOT = Path(__file__).resolve().parents[2]

WITHIN_S = 10.0
BACK_OFF = BackOff(first=0.1, most=0.4)

needs_users = pytest.mark.skipif(bool(identities.only_root()), reason=identities.only_root())
"""For what takes other users than root."""

Scenario = Callable[["TestNode"], Awaitable[None]]

FORKED = ForkedNodes()


def on_a_node(scenario: Scenario, *, only_root: bool = False, copied: bool = False) -> Callable[[], None]:
    """Makes a test of a scenario. The scenario itself is found again, in the new process, by its name.

    `only_root`: on the node of an ordinary user who has no range of ids. `copied`: httpbin is, as in a lab.
    """

    def test() -> None:
        where = f"{scenario.__module__}:{scenario.__qualname__}"
        with short_directory() as directory, tempfile.NamedTemporaryFile() as output:
            wanted = Wanted(where, directory, copied, output.name)
            if only_root or identities.user_namespace():
                code = _in_a_user_namespace(wanted, only_root)
            else:
                code = FORKED.run(wanted)
            said = Path(output.name).read_text()
        assert code == 0, said

    test.scenario = scenario  # type: ignore[attr-defined]
    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    test.__module__ = scenario.__module__
    return test


def _in_a_user_namespace(wanted: Wanted, only_root: bool) -> int:
    """The exit code of a node of an ordinary user."""
    users = ["--user", "--map-root-user"] if only_root else identities.user_namespace()
    namespaces = ["-nmpfu", "--mount-proc", "--propagation", "private", "--kill-child=KILL"]
    program = [sys.executable, "-m", "tests.node.real_node", wanted.scenario, wanted.directory]
    with Path(wanted.output).open("ab") as output:
        done = subprocess.run(
            ["unshare", *users, *namespaces, *program, *["copied"][: wanted.copied]],
            cwd=ROOT,
            env=os.environ | {"PATH": preconditions.search_path()},
            stdout=output,
            stderr=output,
            timeout=30,
            check=False,
        )
    return done.returncode


class TestNode:
    """A node with controllers, its objects, and words to look at it."""

    __test__ = False

    def __init__(self, objects: Writes, node: Node, spawner: Spawner, images: Path) -> None:
        self.images = images
        """Where the node looks for image folders."""
        self.objects = objects
        self.node = node
        self.spawner = spawner

    def namespace(self, name: str) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.objects.create(NAMESPACES, namespace, manager="test")

    def pod(
        self, name: str, container: Object, *, namespace: str = "default", labels: Any = None, **spec: Any
    ) -> Object:
        """Creates a pod of one container."""
        metadata = {"name": name, "namespace": namespace, "labels": labels or {"app": name}}
        containers = [{"name": "app", **container}]
        obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": containers, **spec},
        }
        return self.objects.create(PODS, obj, manager="test")

    def image(self, name: str, **manifest: Any) -> Path:
        """Makes an image folder; returns it."""
        folder = self.images / name
        folder.mkdir(parents=True)
        for tree in ("files", "root"):
            if tree in manifest:
                (folder / manifest[tree]).mkdir()
        (folder / "image.yaml").write_text(json.dumps({"name": name, **manifest}))
        return folder

    def service(self, name: str, port: int, target: int, *, namespace: str = "default", **spec: Any) -> str:
        """Creates a service for the pods labelled `app: NAME`; returns its cluster address."""
        obj = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}], **spec},
        }
        created = self.objects.create(SERVICES, obj, manager="test")
        return str(created["spec"]["clusterIP"])

    def get(self, name: str, namespace: str = "default") -> Object:
        pod = self.objects.store.get(PODS, namespace, name)
        assert pod is not None, f"there is no pod {name}"
        return pod

    def status(self, name: str, namespace: str = "default") -> Object:
        """The status of the pod's (only) container."""
        statuses = self.get(name, namespace).get("status", {}).get("containerStatuses") or [{}]
        return dict(statuses[0])

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits until a condition on the store holds, and returns its value."""
        async with self.objects.store.watch(replay=False) as changes:
            try:
                async with asyncio.timeout(WITHIN_S):
                    while not (value := condition()):
                        await anext(changes)
            except TimeoutError:
                seen = "\n".join(str(pod.get("status")) for pod in self.objects.store.list(PODS))
                raise AssertionError(f"{what}: not within {WITHIN_S:g} s\n{seen}\n{self.events()}") from None
        return value

    async def ready(self, *names: str, namespace: str = "default") -> None:
        for name in names:
            await self.until(lambda name=name: self.is_ready(name, namespace), f"{name} is ready")

    def is_ready(self, name: str, namespace: str = "default") -> bool:
        conditions = self.get(name, namespace).get("status", {}).get("conditions") or []
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    async def endpoints(self, service: str, count: int, namespace: str = "default") -> None:
        """Waits until a service has so many ready endpoints and the node forwards to them."""

        def ready() -> bool:
            found = [
                address
                for slice_ in self.objects.store.list(ENDPOINT_SLICES, namespace)
                if slice_["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
                for endpoint in slice_.get("endpoints") or ()
                if endpoint["conditions"].get("ready")
                for address in endpoint["addresses"]
            ]
            return len(found) == count

        await self.until(ready, f"{service} has {count} endpoints")
        await asyncio.sleep(0.1)

    async def exec(
        self, pod: str, *argv: str, namespace: str = "default", stdin: bytes = b""
    ) -> tuple[int, str]:
        """Runs a program in a pod: (exit code, standard output and error)."""
        process = await self.node.runtime.exec(
            self.get(pod, namespace), "app", argv, stdin=bool(stdin), tty=False
        )
        if process.stdin:
            process.stdin.write(stdin)
            process.stdin.close()
        assert process.stderr
        async with asyncio.timeout(WITHIN_S):
            out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
            return await process.wait(), (out + err).decode()

    def logs(self, pod: str, namespace: str = "default", *, previous: bool = False) -> str:
        file = self.node.runtime.logs(self.get(pod, namespace), "app", previous=previous)
        return file.path.read_text() if file else ""

    async def logged(self, pod: str, text: str) -> None:
        """Waits until this is the pod's whole output."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while self.logs(pod) != text:  # noqa: ASYNC110 - a file tells nobody that it has grown
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{pod} said {self.logs(pod)!r}, not {text!r}") from None

    def events(self) -> list[str]:
        return [f"{e['type']} {e['reason']} {e['message']}" for e in self.objects.store.list(EVENTS)]


_issued = itertools.count(1)


def _token(account: Object, pod: Object, audiences: Sequence[str], seconds: int) -> str:
    """Says for whom and for what it was issued."""
    who = {"account": account["metadata"]["name"], "pod": pod["metadata"]["name"]}
    return json.dumps({**who, "audiences": list(audiences), "seconds": seconds, "number": next(_issued)})


async def _run(where: str, directory: Path, channel: socket.socket) -> None:
    module, _, name = where.partition(":")
    scenario: Scenario = getattr(importlib.import_module(module), name).scenario
    objects = Writes(Store(), Scheme())
    spawner = Spawner(channel)
    images = directory / "images"
    images.mkdir()
    node = Node(
        objects,
        spawner,
        directory / "pods",
        back_off=BACK_OFF,
        images=ImageStore([images]),
        tokens=AccountTokens(_token, "the authority"),
    )
    await node.connect()
    test = TestNode(objects, node, spawner, images)
    test.namespace("default")
    node.install()
    running = [asyncio.create_task(node.run()), asyncio.create_task(run_all(objects))]
    testing: asyncio.Task[None] = asyncio.create_task(scenario(test))  # type: ignore[arg-type]
    await asyncio.wait([*running, testing], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        if task.done():
            task.result()
    testing.result()


def become(where: str, directory: Path, copied: bool) -> NoReturn:
    """Process 1 of the namespaces of a node, until the scenario is over."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child:
        theirs.close()
        os.umask(0o077)  # as it may be where a lab is started
        httpbin = Prepared(apps.HTTPBIN, apps.HTTPBIN_MODULE)
        pid1.serve(ours, child, hidden=[], copied=httpbin if copied else None)
    ours.close()
    os.umask(0o022)  # what `lab.supervision.entrypoint` gives the supervisor
    code = 1
    try:
        asyncio.run(_run(where, directory, theirs))
        code = 0
    except BaseException:  # noqa: BLE001 - shown by the test
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    become(sys.argv[1], Path(sys.argv[2]), "copied" in sys.argv[3:])
