"""A container's environment and command line. Kubernetes API: EnvVar, EnvFromSource, `$(NAME)`."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from lab.kube.client import CONFIG_MAPS, SECRETS, SERVICES, Object, Store
from lab.node.network.dns import hostname
from lab.node.pods import downward_api
from lab.node.pods.downward_api import ConfigMissing

DEFAULTS = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
"""Variables of containers whose image and pod do not set them."""

_SOURCES = {"configMap": CONFIG_MAPS, "secret": SECRETS}
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)")


def environment(container: Object, pod: Object, address: str, store: Store) -> dict[str, str]:
    """The variables that a pod defines for a container. `address` is the pod's. Raises ConfigMissing."""
    namespace = pod["metadata"]["namespace"]
    found = {"HOSTNAME": hostname(pod), **_api_server(store)}
    for source in container.get("envFrom") or ():
        for kind in _SOURCES:
            if reference := source.get(f"{kind}Ref"):
                data = _data(kind, reference, namespace, store) or {}
                found |= {source.get("prefix", "") + name: value for name, value in data.items()}
    for variable in container.get("env") or ():
        if source := variable.get("valueFrom"):
            value = _value(source, container, pod, address, store)
            if value is not None:
                found[variable["name"]] = value
        else:
            found[variable["name"]] = expand(variable.get("value") or "", found)
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replaces `$(NAME)` where NAME is known; `$$` is a dollar sign."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _REFERENCE.sub(replaced, text)


def words(given: Sequence[str] | None, variables: Mapping[str, str]) -> list[str] | None:
    """A command or argument list with its variables filled in; None if there is none."""
    return [expand(word, variables) for word in given] if given else None


def _api_server(store: Store) -> dict[str, str]:
    """The variables for the API server, once it has a Service."""
    service = store.get(SERVICES, "default", "kubernetes")
    if service is None:
        return {}
    address, port = service["spec"]["clusterIP"], str(service["spec"]["ports"][0]["port"])
    return {
        "KUBERNETES_SERVICE_HOST": address,
        "KUBERNETES_SERVICE_PORT": port,
        "KUBERNETES_SERVICE_PORT_HTTPS": port,
        "KUBERNETES_PORT": f"tcp://{address}:{port}",
        f"KUBERNETES_PORT_{port}_TCP": f"tcp://{address}:{port}",
        f"KUBERNETES_PORT_{port}_TCP_PROTO": "tcp",
        f"KUBERNETES_PORT_{port}_TCP_PORT": port,
        f"KUBERNETES_PORT_{port}_TCP_ADDR": address,
    }


def _value(source: Object, container: Object, pod: Object, address: str, store: Store) -> str | None:
    if reference := source.get("fieldRef"):
        return downward_api.field(reference["fieldPath"], pod, address)
    if reference := source.get("resourceFieldRef"):
        return downward_api.resource(reference, container, pod)
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


def _data(kind: str, reference: Object, namespace: str, store: Store) -> dict[str, str] | None:
    """The text entries of a ConfigMap or Secret; None if it is missing and optional."""
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
