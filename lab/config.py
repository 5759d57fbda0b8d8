"""What a lab is started with, handed from the host's side to the process inside the namespaces."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NO_MESH = "none"
"""In place of a policy API: a cluster without a mesh, into which somebody installs another."""


class BadFault(LookupError):
    """A fault that does not exist, or is none, was asked for; the message is one line."""


@dataclass(frozen=True)
class LabConfig:
    """Paths are absolute; `*_fd` are descriptors that the started process inherits."""

    name: str
    mesh: str
    """The policy API that the reference mesh speaks, or `NO_MESH`."""
    faults: tuple[str, ...]
    port: int
    run_dir: str
    kubeconfig: str
    listener_fd: int
    """Listening socket on 127.0.0.1 of the host, for the API server."""
    report_fd: int
    """Where to write the one line of JSON: `{"ready": true}`, `{"failed": why}` or `{"bad fault": why}`."""
    lock_fd: int
    """The run directory, locked for as long as any process of the lab lives."""

    host_listener_fd: int
    """Channel to the lab's host listener, the process in the host's network."""
    watches_fd: int
    """Channel in which the inotify instances lie that are held until proxies take them."""
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
        """All that the started process inherits."""
        return (self.listener_fd, self.report_fd, self.lock_fd, self.host_listener_fd, self.watches_fd)

    @property
    def directory(self) -> Path:
        return Path(self.run_dir)
