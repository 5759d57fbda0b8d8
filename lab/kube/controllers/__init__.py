"""The controllers of the cluster, each a task that reconciles one kind of object.

They write through the same pipeline as every client and never inside it. None may fail quietly: what one of
them cannot handle ends all of them, with one line that says which.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from pathlib import Path

from lab.kube.controllers import api_service
from lab.kube.controllers.account_secrets import AccountSecrets
from lab.kube.controllers.deployment import Deployments
from lab.kube.controllers.endpoints import ServiceEndpoints
from lab.kube.controllers.garbage import Garbage
from lab.kube.controllers.loop import Reconciler, run
from lab.kube.controllers.namespaces import Namespaces
from lab.kube.controllers.replicaset import ReplicaSets
from lab.kube.controllers.statefulset import StatefulSets
from lab.kube.identity.tokens import ServiceAccountTokens
from lab.kube.writing.controller_client import ControllerClient
from lab.kube.writing.writes import Writes

log = logging.getLogger(__name__)


class ControllerFailed(Exception):
    """A controller failed, so the cluster no longer follows its objects."""


async def run_all(
    objects: Writes,
    *,
    ca_certificate: str = "",
    api_address: tuple[str, int] | None = None,
    tokens: ServiceAccountTokens | None = None,
    account_secrets: bool = False,
) -> None:
    """Runs every controller until cancelled. Raises ControllerFailed as soon as one of them fails.

    `ca_certificate` (PEM) goes into each namespace's kube-root-ca.crt; `api_address` is where pods reach
    the API server, published as the Service `kubernetes` in `default`. `tokens` issues those that are kept in
    Secrets; with `account_secrets` every ServiceAccount gets such a Secret.
    """
    if api_address is not None:
        api_service.publish(objects, *api_address)

    def acting(account: str) -> ControllerClient:
        return ControllerClient(objects, account)

    reconcilers: list[Reconciler] = [
        Deployments(acting("deployment-controller")),
        ReplicaSets(acting("replicaset-controller")),
        StatefulSets(acting("statefulset-controller")),
        ServiceEndpoints(acting("endpoint-controller")),
        Namespaces(acting("namespace-controller"), ca_certificate),
        Garbage(acting("generic-garbage-collector")),
    ]
    if tokens is not None:
        writer = acting("tokens-controller")
        reconcilers.append(AccountSecrets(writer, tokens, ca_certificate, for_all=account_secrets))
    waits = objects.pipeline.webhooks
    tasks = [
        asyncio.create_task(run(each, objects.store, lambda: waits.any), name=each.name)
        for each in reconcilers
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None:
            line = f"the {task.get_name()} controller failed: {_in_one_line(error)}"
            log.error(line)
            raise ControllerFailed(line) from error


def _in_one_line(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
