"""The hooks postStart and preStop of a container. Kubernetes API: Lifecycle, LifecycleHandler."""

from __future__ import annotations

import asyncio

from lab.kube.client import Object
from lab.node.pods.probe_handlers import ProbeFailed, Target, once


class HookFailed(Exception):
    """A hook failed; `str` is the kubelet's message."""


async def run(hook: Object, target: Target) -> None:
    """Runs a hook to its end, however long that takes. Raises HookFailed."""
    if "sleep" in hook:
        await asyncio.sleep(hook["sleep"]["seconds"])
        return
    try:
        await once(hook, target)
    except ProbeFailed as failure:
        raise HookFailed(_why(hook, failure)) from failure


def _why(hook: Object, failure: ProbeFailed) -> str:
    if "exec" in hook:
        command = " ".join(hook["exec"].get("command") or ())
        return f"Exec lifecycle hook ([{command}]) failed - error: {str(failure).strip()}"
    return f"HTTP lifecycle hook failed - error: {failure}"
