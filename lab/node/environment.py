"""A container's environment and command line. Kubernetes API: EnvVar, EnvFromSource, `$(NAME)`."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.kube.store import Key, Object, Store

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SOURCES = {"configMap": Key("", "configmaps"), "secret": Key("", "secrets")}
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)")


class ConfigMissing(Exception):
    """A variable's source does not exist; `str` is the kubelet's message."""


def environment(container: Object, pod: Object, address: str, store: Store) -> dict[str, str]:
    """The variables that a container starts with. `address` is the pod's. Raises ConfigMissing."""
    namespace = pod["metadata"]["namespace"]
    found = {"PATH": PATH, "HOME": "/", "HOSTNAME": hostname(pod)}
    for source in container.get("envFrom") or ():
        for kind in _SOURCES:
            if reference := source.get(f"{kind}Ref"):
                data = _data(kind, reference, namespace, store) or {}
                found |= {source.get("prefix", "") + name: value for name, value in data.items()}
    for variable in container.get("env") or ():
        if source := variable.get("valueFrom"):
            value = _value(source, pod, address, store)
            if value is not None:
                found[variable["name"]] = value
        else:
            found[variable["name"]] = expand(variable.get("value") or "", found)
    return found


def hostname(pod: Object) -> str:
    """The host name that a pod's programs see."""
    name: str = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return name[:63].rstrip("-.")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces `$(NAME)` where NAME is known; `$$` is a dollar sign."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _REFERENCE.sub(replaced, text)


def words(given: Sequence[str] | None, variables: Mapping[str, str]) -> list[str] | None:
    """A command or argument list with its variables filled in; None if there is none."""
    return [expand(word, variables) for word in given] if given else None


def _value(source: Object, pod: Object, address: str, store: Store) -> str | None:
    if reference := source.get("fieldRef"):
        return _field(reference["fieldPath"], pod, address)
    for kind in _SOURCES:
        if reference := source.get(f"{kind}KeyRef"):
            data = _data(kind, reference, pod["metadata"]["namespace"], store)
            if data is None or reference["key"] not in data:
                if reference.get("optional"):
                    return None
                place = f"{pod['metadata']['namespace']}/{reference['name']}"
                raise ConfigMissing(f"couldn't find key {reference['key']} in {_word(kind)} {place}")
            return data[reference["key"]]
    raise ConfigMissing(f"this node knows no value from {', '.join(source)}")


def _field(path: str, pod: Object, address: str) -> str:
    metadata, spec = pod["metadata"], pod["spec"]
    fields: dict[str, Any] = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": pod.get("status", {}).get("hostIP"),
    }
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str(metadata.get(match[1], {}).get(match[2], ""))
    if path not in fields:
        raise ConfigMissing(f"unsupported fieldPath: {path}")
    return str(fields[path] or "")


def _data(kind: str, reference: Object, namespace: str, store: Store) -> dict[str, str] | None:
    """The text entries of a config map or secret; None if it is missing and may be."""
    obj = store.get(_SOURCES[kind], namespace, reference["name"])
    if obj is None:
        if reference.get("optional"):
            return None
        raise ConfigMissing(f'{_word(kind)} "{reference["name"]}" not found')
    data: dict[str, str] = obj.get("data") or {}
    if kind == "configMap":
        return data
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}


def _word(kind: str) -> str:
    return kind.lower()
