"""The `scale` subresource of Deployments, ReplicaSets and StatefulSets: autoscaling/v1 Scale."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.errors import bad_request
from lab.kube.kinds.decoding import decode
from lab.kube.kinds.printers import label_selector
from lab.kube.kinds.schema import builtin
from lab.kube.objects import Object, clone

_SCHEMA = "io.k8s.api.autoscaling.v1.Scale"


def scale_of(obj: Object) -> Object:
    """The Scale of an object."""
    metadata, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in shown},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {"replicas": status.get("replicas", 0), "selector": label_selector(spec.get("selector"))},
    }


def scaled(obj: Object, scale: Object) -> Object:
    """The object with the number of replicas that a Scale asks for. Raises a 400 or 422."""
    decode("Scale", "v1", scale, builtin(_SCHEMA))
    metadata = scale.get("metadata") or {}
    if metadata.get("name", obj["metadata"]["name"]) != obj["metadata"]["name"]:
        raise bad_request("the name of the Scale does not match the name on the URL")
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = errors.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", obj["metadata"]["name"], [cause])
    changed: Object = clone(obj)
    changed["spec"]["replicas"] = replicas
    changed["metadata"]["resourceVersion"] = (
        metadata.get("resourceVersion") or obj["metadata"]["resourceVersion"]
    )
    return changed
