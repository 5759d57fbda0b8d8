"""Updates: which fields of the old object stand, and whether anything has changed."""

from __future__ import annotations

from lab.kube import errors
from lab.kube.errors import ApiError, bad_request
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object, clone
from lab.kube.writing.managed_fields import signature

# What only the server may set; a writer's own values are ignored.
_SYSTEM = (
    "name",
    "namespace",
    "generateName",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
STATUS_LIKE = ("status", "approval")
"""The subresources that change an object's status and nothing else."""
WRONG_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"


def wrong_name(found: str, wanted: str) -> ApiError:
    return bad_request(f"the name of the object ({found}) does not match the name on the URL ({wanted})")


def check_identity(resource: Resource, old: Object, new: Object) -> None:
    metadata, known = new["metadata"], old["metadata"]
    if metadata.get("name", known["name"]) != known["name"]:
        raise wrong_name(metadata["name"], known["name"])
    if resource.namespaced and (metadata.get("namespace") or known["namespace"]) != known["namespace"]:
        raise bad_request(WRONG_NAMESPACE)
    if metadata.get("uid") and metadata["uid"] != known["uid"]:
        why = (
            f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {known['uid']}"
        )
        raise errors.conflict(resource, known["name"], why)
    if metadata.get("resourceVersion") and metadata["resourceVersion"] != known["resourceVersion"]:
        raise errors.stale(resource, known["name"])


def next_state(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """The next state: what the request may change from `new`, everything else from `old`."""
    fields = new["metadata"].get("managedFields")
    if subresource in STATUS_LIKE:
        new = {**clone(old), "status": new.get("status", {}), "apiVersion": new["apiVersion"]}
    elif subresource == "finalize":
        spec = {**(old.get("spec") or {}), "finalizers": (new.get("spec") or {}).get("finalizers", [])}
        new = {**clone(old), "spec": spec}
    elif "status" in resource.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = clone(old["status"])
    if subresource == "":
        resource.strategy.prepare_for_update(new, old)
    metadata, known = new["metadata"], old["metadata"]
    for field in _SYSTEM:
        if field in known:
            metadata[field] = known[field]
        else:
            metadata.pop(field, None)
    if fields is None:
        fields = known.get("managedFields")
    if fields:
        metadata["managedFields"] = clone(fields)
    else:
        metadata.pop("managedFields", None)
    return new


def in_version(resource: Resource, obj: Object) -> Object:
    """The object under this version's name. Versions of a kind differ in nothing else (conversion None)."""
    if obj["apiVersion"] == resource.api_version:
        return obj
    return {**obj, "apiVersion": resource.api_version}


def desired(resource: Resource, obj: Object) -> Object:
    """What `metadata.generation` counts the changes of."""
    ignored = {"apiVersion", "metadata"}
    if "status" in resource.subresources:
        ignored.add("status")
    return {name: value for name, value in obj.items() if name not in ignored}


def same(new: Object, old: Object) -> bool:
    """Whether storing `new` would change nothing but the times of its managers."""

    def rest(obj: Object) -> Object:
        metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        return {**obj, "apiVersion": "", "metadata": metadata}

    return rest(new) == rest(old) and signature(new) == signature(old)
