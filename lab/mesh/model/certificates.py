"""What a workload proves its identity with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lab.mesh.model.proxy_config import Identity


@dataclass(frozen=True)
class Certificate:
    """A workload's certificate chain and key, both PEM."""

    identity: Identity
    chain: str
    private_key: str
    renew_at: datetime
