"""What the containers of one pod share, and the node's rules for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.kube.client import Object, Store
from lab.node.images.programs import AlterLaunch
from lab.node.images.store import ImageStore
from lab.node.network.pod_network import Sandbox
from lab.node.pods.volumes import Volumes
from lab.node.processes.mounts import Bind
from lab.node.processes.spawner import Spawner

Report = Callable[[str, str, Literal["Normal", "Warning"]], None]
"""Records an event about the pod: (reason, message, type)."""


@dataclass(frozen=True)
class BackOff:
    """Back-off between restarts, in seconds: none before the first, then `first`, doubling up to `most`.

    A run of `forgiven_after` seconds resets it. The values are the kubelet's.
    """

    first: float = 10.0
    most: float = 300.0
    forgiven_after: float = 600.0


@dataclass(frozen=True)
class PodContext:
    """What the containers of one pod have in common."""

    pod: Object
    sandbox: Sandbox
    store: Store
    spawner: Spawner
    dns: Sequence[Bind]
    """The files by which a container resolves names."""
    machine: Sequence[Bind]
    """What containers see besides that see this machine's files."""
    images: ImageStore
    volumes: Volumes
    logs: Path
    back_off: BackOff
    alter_launch: AlterLaunch
    report: Report
    changed: Callable[[], None]
    """To be called after each change of a container's state."""


def log_file(logs: Path, container: str, run: int) -> Path:
    """The log of a run of a container; the first is 0."""
    return logs / container / f"{run}.log"


def grace_of(pod: Object) -> float:
    """The pod's termination grace period, in seconds."""
    grace: float = pod["spec"].get("terminationGracePeriodSeconds", 30)
    return grace
