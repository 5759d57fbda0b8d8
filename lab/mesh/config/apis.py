"""The policy APIs that the reference mesh speaks, by name."""

from __future__ import annotations

from typing import Any

from lab.mesh.config import current, istio_1_0
from lab.mesh.config.policy_api import PolicyApi

APIS: dict[str, PolicyApi[Any]] = {api.name: api for api in (current.API, istio_1_0.API)}
