"""Readiness, liveness and startup probes: their schedule and results. Kubernetes API: Probe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.kube.client import Object
from lab.node.pods.probe_handlers import ProbeFailed, Target, once, timed_out


@dataclass(frozen=True)
class Timing:
    """A probe's schedule: periods in seconds, and thresholds."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> Timing:
        return cls(
            probe.get("initialDelaySeconds", 0),
            probe.get("periodSeconds") or 10,
            probe.get("timeoutSeconds") or 1,
            probe.get("successThreshold") or 1,
            probe.get("failureThreshold") or 3,
        )


Report = Callable[[bool, str | None], None]
"""Told what is thought of the container now (is it healthy?), and the message of a probe that failed."""


async def watch(probe: Object, target: Target, *, healthy: bool, report: Report) -> None:
    """Probes, forever; reports each failure, and each change of the result once a threshold is reached.

    `healthy` is the initial state.
    """
    timing = Timing.of(probe)
    in_a_row = 0
    await asyncio.sleep(timing.initial_delay)
    while True:
        message: str | None = None
        try:
            async with asyncio.timeout(timing.timeout):
                await once(probe, target)
        except ProbeFailed as failure:
            message = str(failure)
        except TimeoutError:
            message = timed_out(probe, target, timing.timeout)
        passed = message is None
        in_a_row = in_a_row + 1 if passed != healthy else 0
        changed = in_a_row >= (timing.successes if passed else timing.failures)
        if changed:
            healthy, in_a_row = passed, 0
        if changed or not passed:
            report(healthy, message)
        await asyncio.sleep(timing.period)


async def proxy_is_live(admin_socket: Path) -> bool:
    """Whether an Envoy says LIVE on its administration socket."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(admin_socket))
    except OSError:
        return False  # not listening yet
    try:
        writer.write(b"GET /ready HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
    except OSError:
        return False
    finally:
        writer.close()
    return answer.startswith(b"HTTP/1.1 200") and b"LIVE" in answer
