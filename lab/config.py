"""The configuration of a lab, passed from the host's side to the process inside the namespaces."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NO_MESH = "none"
"""In place of a policy API: a cluster without a mesh, into which another one can be installed."""


class BadFault(LookupError):
    """An unknown or invalid fault; the message is one line."""


@dataclass(frozen=True)
class LabConfig:
    """Paths are absolute; `*_fd` are descriptors that the started process inherits."""

    name: str
    mesh: str
    """The policy API of the reference mesh, or `NO_MESH`."""
    faults: tuple[str, ...]
    port: int
    run_dir: str
    kubeconfig: str
    listener_fd: int
    """Listening socket on 127.0.0.1 of the host, for the API server."""
    report_fd: int
    """Where to write the one line of JSON: `{"ready": true}`, `{"failed": why}` or `{"bad fault": why}`."""
    lock_fd: int
    """The run directory, locked as long as any process of the lab runs."""

    host_listener_fd: int
    """Channel to the lab's host listener, the process in the host's network."""
    watches_fd: int
    """Channel with the inotify instances that are reserved for proxies."""
    images: tuple[str, ...] = ()
    """Directories with image folders, the first before the second."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LabConfig:
        fields = json.loads(text)
        return cls(**fields | {name: tuple(fields[name]) for name in ("faults", "images")})

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that the started process inherits."""
        return (self.listener_fd, self.report_fd, self.lock_fd, self.host_listener_fd, self.watches_fd)

    @property
    def directory(self) -> Path:
        return Path(self.run_dir)
