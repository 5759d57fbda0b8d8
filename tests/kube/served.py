"""A whole API server with controllers and the test's node, in a thread, for clients that are programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config

from lab.kube.api.server import ApiServer
from lab.kube.controllers import run_all
from lab.kube.group_resources import NAMESPACES
from lab.kube.identity.auth import kubeconfig
from lab.kube.identity.pki import Credentials
from lab.kube.kinds.scheme import Scheme
from lab.kube.store import Store
from lab.kube.writing.writes import Writes
from tests.kube.local_runtime import LocalRuntime, run_node
from tests.programs import KUBECTL

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass
class Served:
    directory: Path
    objects: Writes = field(default_factory=lambda: Writes(Store(), Scheme()))
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @property
    def runtime(self) -> LocalRuntime:
        return self._runtime

    def __post_init__(self) -> None:
        self._runtime = LocalRuntime(self.directory)
        self.kubeconfig = self.directory / "kubeconfig"
        self.credentials = Credentials.new([], ["127.0.0.1"])

    def within(self, action: Callable[[], Any]) -> Any:
        """Runs an action in the server's loop."""

        async def act() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(5)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.directory / "cache"),
            **KUBECTL,
            **(extra or {}),
        }

    def run(
        self, *args: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """kubectl, to its end."""
        return subprocess.run(
            ["kubectl", *args],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=20,
            env=self.environment(env),
            check=False,
        )

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """kubectl's output; it must succeed."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *args: str, stdin: str | None = None) -> str:
        """kubectl's complaint; it must fail with exit code 1."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 1, (done.stdout, done.stderr)
        return done.stderr

    def api(self) -> client.ApiClient:
        """A new client of the official Python library. Close it."""
        return config.new_client_from_config(str(self.kubeconfig))


async def _serve(served: Served, ready: threading.Event, done: asyncio.Event) -> None:
    for name in SYSTEM_NAMESPACES:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        served.objects.create(NAMESPACES, namespace, manager="test")
    scheme = served.objects.scheme
    server = ApiServer(served.objects, scheme, served.runtime, served.credentials)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    await server.start([listener])
    served.kubeconfig.write_text(kubeconfig(served.credentials, f"https://127.0.0.1:{port}"))
    ca = served.credentials.ca_certificate
    tasks = [
        asyncio.create_task(run_all(served.objects, ca_certificate=ca, api_address=("10.244.0.1", 6443))),
        asyncio.create_task(run_node(served.objects)),
    ]
    ready.set()
    await done.wait()
    failures = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.stop()
    assert failures == []


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[Served]:
    served = Served(directory)
    ready, done = threading.Event(), asyncio.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            served.loop.run_until_complete(_serve(served, ready, done))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the test's own thread
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        if not failures:
            yield served
    finally:
        if thread.is_alive():
            served.loop.call_soon_threadsafe(done.set)
        thread.join(10)
        served.loop.close()
    if failures:
        raise failures[0]
