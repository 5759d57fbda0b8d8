"""The downward API. Kubernetes API: ObjectFieldSelector, ResourceFieldSelector."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.kube.client import Object

if TYPE_CHECKING:
    from fractions import Fraction

_SCALES = {
    **{unit: (1000, power) for power, unit in enumerate(("n", "u", "m", "", *"kMGTPE"), -3)},
    **{f"{unit}i": (1024, power) for power, unit in enumerate("KMGTPE", 1)},
}
"""Suffix of a quantity: (base, power)."""
_QUANTITY = r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})"


class ConfigMissing(Exception):
    """Something that a container refers to does not exist; `str` is the kubelet's message."""


def field(path: str, pod: Object, address: str) -> str:
    """A field of the pod, whose address is `address`. Raises ConfigMissing."""
    metadata, spec = pod["metadata"], pod["spec"]
    host = pod.get("status", {}).get("hostIP")
    fields: dict[str, str | None] = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "metadata.labels": _lines(metadata.get("labels") or {}),
        "metadata.annotations": _lines(metadata.get("annotations") or {}),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": host,
        "status.hostIPs": host,
    }
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    if path not in fields:
        raise ConfigMissing(f"unsupported fieldPath: {path}")
    return str(fields[path] or "")


def resource(reference: Object, container: Object, pod: Object) -> str:
    """A resource request or limit of a container (its own, or the named one), rounded up.

    A limit that is not set is the node's capacity. Raises ConfigMissing.
    """
    if name := reference.get("containerName"):
        every = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
        found = next((each for each in every if each["name"] == name), None)
        if found is None:
            raise ConfigMissing(f"container {name} not found")
        container = found
    kind, _, what = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    limits: Mapping[str, str | int] = resources.get("limits") or {}
    if kind == "limits":
        amount = limits.get(what) or _of_the_node(what)
    elif kind == "requests":
        amount = (resources.get("requests") or {}).get(what) or limits.get(what) or "0"
    else:
        raise ConfigMissing(f"unsupported resource: {reference['resource']}")
    divisor = _number(reference.get("divisor") or "1") or _number("1")
    return str(math.ceil(_number(amount) / divisor))


def _of_the_node(what: str) -> str:
    if what == "cpu":
        return str(os.cpu_count() or 1)
    if what == "memory":
        return str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return "0"


def _number(quantity: str | int) -> Fraction:
    from fractions import Fraction  # which few pods ever need

    match = re.fullmatch(_QUANTITY, str(quantity))
    if match is None or match[2] not in _SCALES:
        raise ConfigMissing(f'"{quantity}" is not a quantity')
    base, power = _SCALES[match[2]]
    return Fraction(match[1]) * Fraction(base) ** power


def _lines(entries: Mapping[str, str]) -> str:
    return "\n".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(entries.items())
    )
