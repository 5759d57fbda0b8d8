"""The user and the capabilities of a container. Kubernetes API: SecurityContext, PodSecurityContext.

Only images that declare a user are asked. The programs of this machine run as root: they may lie where nobody
else can read, below root's home for instance.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab.kube.client import Object
from lab.node.images.programs import Launch
from lab.node.processes.syscalls import CAPABILITIES
from lab.node.processes.users import User


class Refused(Exception):
    """A pod asks for a user or a capability that this node does not grant; `str` is one line."""


def user(spec: Object, pod: Object, launch: Launch) -> User | None:
    """The user of a container; None: the lab's own. Raises Refused."""
    image = launch.image
    if image is None or image.user is None:
        return None
    own, common = spec.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    uid = own.get("runAsUser", common.get("runAsUser"))
    # What the image says of its user counts also where the pod names the same.
    found = image.user if uid in (None, image.user.uid) else User.find(str(uid), image.root)
    if found.uid == 0 and own.get("runAsNonRoot", common.get("runAsNonRoot")):
        raise Refused("container has runAsNonRoot and image will run as root")
    further = [*found.groups, *(common.get("supplementalGroups") or ())]
    if "fsGroup" in common:
        further.append(common["fsGroup"])
    gid = own.get("runAsGroup", common.get("runAsGroup", found.gid))
    chosen = replace(found, gid=gid, groups=tuple(dict.fromkeys(further)))
    _check_mapped("user", [chosen.uid])
    _check_mapped("group", [chosen.gid, *chosen.groups])
    return chosen


def capabilities(spec: Object, launch: Launch) -> tuple[str, ...]:
    """What a container's root may do: what the image leaves it, and what the pod adds and drops."""
    context = spec.get("securityContext") or {}
    if launch.image is None or launch.image.user is None:
        return launch.capabilities
    asked = context.get("capabilities") or {}
    added = [name.removeprefix("CAP_") for name in asked.get("add") or ()]
    dropped = [name.removeprefix("CAP_") for name in asked.get("drop") or ()]
    if unknown := [name for name in added if name != "ALL" and name not in CAPABILITIES]:
        raise Refused(f"this node does not give the capability {', '.join(unknown)}")
    if context.get("privileged") or "ALL" in added:
        added = [*added, *CAPABILITIES]
    kept = [] if "ALL" in dropped else [name for name in launch.capabilities if name not in dropped]
    return tuple(dict.fromkeys(name for name in (*kept, *added) if name != "ALL"))


def mapped(kind: str, number: int) -> bool:
    """Whether a user or group of this number exists in the lab: an ordinary user's may have only its root."""
    letter = kind[0]
    for line in Path(f"/proc/self/{letter}id_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= number < first + count:
            return True
    return False


def _check_mapped(kind: str, numbers: list[int]) -> None:
    if missing := [number for number in numbers if not mapped(kind, number)]:
        raise Refused(
            f"there is no {kind} {missing[0]} in this lab, which an ordinary user started:"
            " it takes newuidmap and a range of ids in /etc/subuid and /etc/subgid"
        )
