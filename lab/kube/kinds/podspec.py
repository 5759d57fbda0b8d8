"""The spec of a pod, also in a template: defaults and validation as in a real API server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.golang import printing
from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.kinds.decoding import cannot_handle
from lab.kube.kinds.metadata import check_name
from lab.kube.objects import Object, clone

PROTOCOLS = ("SCTP", "TCP", "UDP")
PORT_RANGE = "must be between 1 and 65535, inclusive"
_PORT_NAME = re.compile(r"(?=[^a-z]*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_POD_DEFAULTS: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "enableServiceLinks": True,
}
_CONTAINER_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
_PROBE_DEFAULTS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_VOLUME_MODES = {"secret": 420, "configMap": 420, "downwardAPI": 420, "projected": 420}
_ENUMS = {
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
}
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def containers_of(spec: Object) -> Iterator[tuple[str, Object]]:
    """(path below the spec, container) of init containers and containers."""
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            yield f"{field}[{index}]", container


def apply_podspec_defaults(spec: Object) -> None:
    for field, value in _POD_DEFAULTS.items():
        spec.setdefault(field, clone(value))
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for _, container in containers_of(spec):
        _apply_container_defaults(container)
    for volume in spec.get("volumes") or []:
        if len(volume) == 1:
            volume["emptyDir"] = {}
        for source, mode in _VOLUME_MODES.items():
            if source in volume:
                volume[source].setdefault("defaultMode", mode)
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")


def _apply_container_defaults(container: Object) -> None:
    for field, value in _CONTAINER_DEFAULTS.items():
        container.setdefault(field, clone(value))
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = "@" not in image and tag in ("", "latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or []:
        if field_ref := (variable.get("valueFrom") or {}).get("fieldRef"):
            field_ref.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            for field, value in _PROBE_DEFAULTS.items():
                probe.setdefault(field, value)
            if "httpGet" in probe:
                probe["httpGet"].setdefault("path", "/")
                probe["httpGet"].setdefault("scheme", "HTTP")


def check_podspec(spec: Object, path: str) -> list[Cause]:
    if not spec.get("containers"):
        return [errors.required(f"{path}.containers")]
    causes: list[Cause] = []
    volumes = _names(spec.get("volumes") or [], f"{path}.volumes", causes)
    seen: set[str] = set()
    for place, container in containers_of(spec):
        at = f"{path}.{place}"
        causes += _check_unique(container.get("name"), seen, f"{at}.name")
        causes += _check_container(container, at, volumes)
    for field, choices in _ENUMS.items():
        if spec.get(field) not in choices:
            causes.append(errors.unsupported_value(f"{path}.{field}", spec.get(field), choices))
    for field in ("hostname", "subdomain"):
        if name := spec.get(field):
            causes += check_name(name, "label", f"{path}.{field}")
    if (grace := spec.get("terminationGracePeriodSeconds", 0)) < 0:
        detail = "must be greater than or equal to 0"
        causes.append(errors.invalid_value(f"{path}.terminationGracePeriodSeconds", grace, detail))
    return causes


def _names(items: Iterable[Object], path: str, causes: list[Cause]) -> set[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        causes += _check_unique(item.get("name"), seen, f"{path}[{index}].name")
    return seen


def _check_unique(name: str | None, seen: set[str], field: str) -> list[Cause]:
    if not name:
        return [errors.required(field)]
    if name in seen:
        return [errors.duplicate(field, name)]
    seen.add(name)
    return check_name(name, "label", field)


def _check_container(container: Object, path: str, volumes: set[str]) -> list[Cause]:
    causes = []
    if not container.get("image"):
        causes.append(errors.required(f"{path}.image"))
    if container.get("imagePullPolicy") not in _PULL_POLICIES:
        field = f"{path}.imagePullPolicy"
        causes.append(errors.unsupported_value(field, container.get("imagePullPolicy"), _PULL_POLICIES))
    port_names: set[str] = set()
    for index, port in enumerate(container.get("ports") or []):
        causes += _check_container_port(port, port_names, f"{path}.ports[{index}]")
    for index, variable in enumerate(container.get("env") or []):
        if not variable.get("name"):
            causes.append(errors.required(f"{path}.env[{index}].name"))
        elif variable.get("value") and variable.get("valueFrom"):
            detail = "may not be specified when `value` is not empty"
            causes.append(errors.invalid_value(f"{path}.env[{index}].valueFrom", "", detail))
    for index, mount in enumerate(container.get("volumeMounts") or []):
        at = f"{path}.volumeMounts[{index}]"
        if not mount.get("name"):
            causes.append(errors.required(f"{at}.name"))
        elif mount["name"] not in volumes:
            message = f"Not found: {printing.quoted(mount['name'])}"
            causes.append(Cause("FieldValueNotFound", f"{at}.name", message))
        if not mount.get("mountPath"):
            causes.append(errors.required(f"{at}.mountPath"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            causes += _check_probe(probe, f"{path}.{name}")
    return causes


def _check_container_port(port: Object, names: set[str], path: str) -> list[Cause]:
    causes = []
    if name := port.get("name"):
        if name in names:
            causes.append(errors.duplicate(f"{path}.name", name))
        names.add(name)
        causes += check_port_name(name, f"{path}.name")
    number = port.get("containerPort", 0)
    if number == 0:
        causes.append(errors.required(f"{path}.containerPort"))
    elif not 1 <= number <= 65535:
        causes.append(errors.invalid_value(f"{path}.containerPort", number, PORT_RANGE))
    if port.get("protocol") not in PROTOCOLS:
        causes.append(errors.unsupported_value(f"{path}.protocol", port.get("protocol"), PROTOCOLS))
    return causes


def check_port_name(name: str, path: str) -> list[Cause]:
    """A name as IANA registers services: at most 15 of a-z, 0-9 and single dashes, at least one letter."""
    if len(name) > 15:
        return [errors.invalid_value(path, name, "must be no more than 15 characters")]
    if _PORT_NAME.fullmatch(name):
        return []
    detail = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if re.fullmatch("[-a-z0-9]+", name):
        detail = "must contain at least one letter (a-z)"
        if name.strip("-") != name:
            detail = "must not begin or end with a hyphen"
        elif "--" in name:
            detail = "must not contain consecutive hyphens"
    return [errors.invalid_value(path, name, detail)]


def check_port_reference(value: str | int, path: str) -> list[Cause]:
    """A port by its number or by its name."""
    if isinstance(value, str):
        return check_port_name(value, path)
    return [] if 1 <= value <= 65535 else [errors.invalid_value(path, value, PORT_RANGE)]


def _check_probe(probe: Object, path: str) -> list[Cause]:
    handlers = [name for name in ("exec", "grpc", "httpGet", "tcpSocket") if name in probe]
    if not handlers:
        return [errors.required(path, "must specify a handler type")]
    causes = [
        errors.field_forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
        for name in handlers[1:]
    ]
    for name in ("httpGet", "tcpSocket"):
        if name in probe and "port" in probe[name]:
            causes += check_port_reference(probe[name]["port"], f"{path}.{name}.port")
    return causes


def check_quantities(kind: str, spec: Object) -> None:
    """Amounts of memory and CPU are read while decoding: a wrong one is a 400."""
    for _, container in containers_of(spec):
        for amounts in (container.get("resources") or {}).values():
            for amount in amounts.values() if isinstance(amounts, dict) else ():
                if not _QUANTITY.fullmatch(str(amount)):
                    raise cannot_handle(
                        kind,
                        "v1",
                        "quantities must match the regular expression"
                        " '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                    )
