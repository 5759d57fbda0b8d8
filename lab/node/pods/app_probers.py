"""Probes of a pod whose sidecar would reject the kubelet's: they go to port 15020, and run inside the pod.

Istio's injector rewrites them so, and tells the sidecar what they were (ISTIO_KUBE_APP_PROBERS); there
pilot-agent answers. The sidecar of the reference mesh is Envoy alone, and the node answers in its place.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from lab.kube.client import Object
from lab.node.images.references import Reference
from lab.node.pods.probe_handlers import ProbeFailed, Target, http_status, once
from lab.node.processes import syscalls

PORT = 15020
PROXY_IMAGE = "reference-mesh/proxy"
VARIABLE = "ISTIO_KUBE_APP_PROBERS"

Probers = Mapping[str, Object]
"""The probes by their paths at `PORT`."""


def of(pod: Object) -> Probers:
    """The probes in the environment of a pod's sidecar, if it is one of the reference mesh."""
    for container in pod["spec"].get("initContainers") or ():
        if Reference.parse(container["image"]).repository == PROXY_IMAGE:
            for variable in container.get("env") or ():
                if variable["name"] == VARIABLE:
                    found: Probers = json.loads(variable["value"])
                    return found
    return {}


async def serve(probers: Probers, network: int, target: Target) -> None:
    """Answers in the pod's network, forever; `target` is the pod, as seen from inside."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if (probe := probers.get(request.path)) is None:
            why = f"app prober config does not exists for {request.path}"
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=why)
        return web.Response(status=await _status(probe, target, request))

    listener = syscalls.socket_in(network)
    listener.bind(("", PORT))
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _status(probe: Object, target: Target, request: web.BaseRequest) -> int:
    """The status for the kubelet: the application's own, 200 for a redirect, 500 for a failure."""
    try:
        async with asyncio.timeout(probe.get("timeoutSeconds") or None):
            if "httpGet" not in probe:
                await once(probe, target)
                return HTTPStatus.OK
            action = probe["httpGet"]
            status = await http_status(action, target, _forwarded(request, action["port"]))
    except (ProbeFailed, TimeoutError):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    redirection = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return HTTPStatus.OK if redirection else status


def _forwarded(request: web.BaseRequest, port: int) -> dict[str, str]:
    """The headers of the probe; a host with our port is one with the application's."""
    host = request.headers.get("Host", "")
    if host.endswith(f":{PORT}"):
        host = f"{host.removesuffix(f':{PORT}')}:{port}"
    return {**request.headers, "Host": host}
