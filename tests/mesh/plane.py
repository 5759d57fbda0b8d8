"""Real proxies with real capture in pods of their own, configured by the reference mesh: no API server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import envoy

from lab.faults import Faults
from lab.host.preconditions import search_path
from lab.mesh.config import current
from lab.mesh.config.policy_api import PolicyApi
from lab.mesh.control_plane.controller import ReferenceMesh
from lab.node.images.programs import ENVOY_FLAGS
from tests.mesh.cluster import Cluster
from tests.planes.differences import Kind

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVOY = Path(envoy.__file__).parent / "_bin" / "envoy"
PATIENCE = 10


@dataclass
class Plane:
    cluster: Cluster
    folder: Path
    agent: subprocess.Popen[str]
    mesh: ReferenceMesh
    proxies: list[Path] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    """What is wrong with configuration that is built from now on."""
    alter_model: Callable[[Any], Any] = lambda part: part
    """What is changed of the model from now on."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Those that the mesh has recorded, as it was told to."""
    kind: Kind = "reference"
    ingress: str = "10.244.0.50"
    """The address of the ingress gateway's pod, where there is one."""

    def ask(self, do: str, **request: Any) -> Any:
        assert self.agent.stdin
        assert self.agent.stdout
        self.agent.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.agent.stdin.flush()
        return json.loads(self.agent.stdout.readline())

    def start_proxy(self, pod: str, uid: str) -> None:
        folder = self.folder / "proxies" / uid
        argv = [str(ENVOY), "-c", str(folder / "bootstrap.json"), *ENVOY_FLAGS]
        self.ask("start", pod=pod, argv=argv, log=str(self.folder / f"{pod}.log"))
        self.proxies.append(folder)

    def start_application(self, pod: str, *ports: int) -> None:
        pem = [str(self.folder / "app.crt"), str(self.folder / "app.key")]
        argv = [sys.executable, str(HERE / "application.py"), *pem, *map(str, ports)]
        self.ask("start", pod=pod, argv=argv, log=str(self.folder / f"{pod}-app.log"))

    def dial(self, pod: str, dials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        [[output, code]] = self.ask(
            "run", commands=[[pod, [sys.executable, str(HERE / "dial.py")], json.dumps(dials)]]
        )
        assert code == 0, output
        found: list[dict[str, Any]] = json.loads(output)
        return found

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        _eventually(condition, what)

    def wait_for(self, pod: str, address: str, port: int) -> None:
        """Until the application listens, seen from its own pod (which is not captured there)."""
        _eventually(
            lambda: self.dial(pod, [{"host": address, "port": port}])[0]["outcome"] == "ok", f"{pod} serves"
        )

    def wait_until_live(self) -> None:
        for folder in self.proxies:
            _eventually(lambda folder=folder: admin(folder, "/ready").startswith("LIVE"), f"{folder} is live")

    def settle(self) -> None:
        """Writes what the cluster says now, and waits until each proxy has read what changed for it."""
        before = {folder: (_stamps(folder), _updates(folder)) for folder in self.proxies}
        self.mesh.reconcile()
        for folder, (stamps, updates) in before.items():
            awaited = {
                counter_of(file) for file, stamp in _stamps(folder).items() if stamps.get(file) != stamp
            }

            def read(folder: Path = folder, awaited: Set[str] = awaited, old: Counts = updates) -> bool:
                new = _updates(folder)
                return all(new.get(counter, 0) > old.get(counter, 0) for counter in awaited)

            _eventually(read, f"{folder} reads {awaited}")

    def clusters(self, pod: str) -> dict[str, Any]:
        """The clusters that the pod's proxy uses, by name, as Envoy tells them."""
        [folder] = [each for each in self.proxies if each.name.startswith(f"uid-{pod}-")]
        dump = json.loads(admin(folder, "/config_dump?resource=dynamic_active_clusters"))
        return {each["cluster"]["name"]: each["cluster"] for each in dump["configs"]}

    def after_a_test(self) -> None:
        self.settle()

    def pem(self, uid: str) -> Path:
        """The certificate and key of a workload in one file, as a client takes them."""
        secret = json.loads((self.folder / "proxies" / uid / "sds-default.json").read_bytes())
        tls = secret["resources"][0]["tls_certificate"]
        path = self.folder / f"{uid}.pem"
        path.write_text(tls["private_key"]["inline_string"] + tls["certificate_chain"]["inline_string"])
        return path


Counts = dict[str, int]


def counter_of(file: str) -> str:
    """Envoy's own count of how often it has taken a file's content."""
    kind, _, name = file.removesuffix(".json").replace(":", "_").partition("-")
    where = {"lds": "listener_manager.lds", "cds": "cluster_manager.cds"}
    return f"{where.get(kind) or f'sds.{name}'}.update_success"


def _stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.glob("?ds*.json")}


def _updates(folder: Path) -> Counts:
    lines = admin(folder, "/stats?filter=update_success").splitlines()
    return {name: int(value) for name, _, value in (line.rpartition(": ") for line in lines)}


def admin(folder: Path, path: str) -> str:
    """The body that a proxy's admin interface answers with; empty when nobody listens (yet)."""
    connection = _Admin("localhost", timeout=PATIENCE)
    connection.folder = folder
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
        except OSError:
            return ""
        return connection.getresponse().read().decode()


class _Admin(http.client.HTTPConnection):
    folder: Path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.folder / "admin.sock"))


def _eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.002)


@contextlib.contextmanager
def running(
    cluster: Cluster, folder: Path, api: PolicyApi[Any] = current.API, **options: Any
) -> Iterator[Plane]:
    """A plane without pods yet; everything in it ends with the block."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    isolated = ["--net", "--mount", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child=KILL"]
    agent = subprocess.Popen(
        ["unshare", *user, *isolated, sys.executable, "-m", "tests.mesh.plane_agent"],
        cwd=ROOT,
        env={**os.environ, "PATH": search_path()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    events: list[dict[str, Any]] = []
    objects: Any = SimpleNamespace(
        store=cluster.store, emit=lambda about, **event: events.append({"about": about, **event})
    )
    plane: Plane
    options = {
        "alter_resources": lambda resources: plane.faults.alter_resources(resources),
        "alter_model": lambda part: plane.alter_model(plane.faults.alter_model(part)),
        **options,
    }
    plane = Plane(cluster, folder, agent, ReferenceMesh(objects, folder, api, **options), events=events)
    try:
        yield plane
    finally:
        assert agent.stdin
        agent.stdin.close()
        agent.wait(PATIENCE)
        assert agent.stdout
        agent.stdout.close()
