"""Builds the program of a container from its pod and its image."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kube.client import Object
from lab.node.images.programs import Launch
from lab.node.pods import security_context
from lab.node.pods.environment import DEFAULTS
from lab.node.pods.pod_context import PodContext
from lab.node.processes.mounts import Bind, View
from lab.node.processes.spawner import Program


def program(spec: Object, context: PodContext, launch: Launch, variables: Mapping[str, str]) -> Program:
    """The program of a container; `variables` are the environment that its pod defines.

    Raises ConfigMissing and security_context.Refused.
    """
    user = security_context.user(spec, context.pod, launch)
    image = launch.image
    home = {"HOME": user.home} if user else {}
    environment = {**DEFAULTS, **home, **(image.env if image else {}), **variables}
    return Program(
        launch.argv,
        {**launch.environment, **environment},
        security_context.capabilities(spec, launch),
        View(
            [*_binds(context, launch), *context.volumes.binds(spec, variables)],
            str(image.files) if image and image.files else None,
            str(image.root) if image and image.root else None,
            spec.get("workingDir") or (image.working_dir if image else "/"),
            bool((spec.get("securityContext") or {}).get("readOnlyRootFilesystem")),
        ),
        user,
        container_environment=environment,
    )


def _binds(context: PodContext, launch: Launch) -> list[Bind]:
    """All but the volumes."""
    found = [*context.dns, *launch.binds]
    if launch.image is None or launch.image.root is None:
        found += context.machine
    if launch.config:
        found.append(Bind(str(launch.config.parent), str(launch.config.parent), writable=True))
    return found
