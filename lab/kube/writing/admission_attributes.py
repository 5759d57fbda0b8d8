"""The admission attributes of a write."""

from __future__ import annotations

from dataclasses import replace

from lab.kube.group_resources import NAMESPACES
from lab.kube.kinds.resources import Resource
from lab.kube.objects import Object
from lab.kube.webhooks.attributes import Attributes
from lab.kube.writing.deletion import DeleteOptions
from lab.kube.writing.replacement import in_version
from lab.kube.writing.request_validation import WriteOptions


def creation(resource: Resource, namespace: str, obj: Object, options: WriteOptions) -> Attributes:
    """The name is "" where the server is to make one up."""
    return _asked("CREATE", resource, namespace, obj, None, options)


def update(
    resource: Resource,
    old: Object,
    new: Object,
    options: WriteOptions,
    subresource: str,
    kind: tuple[str, str, str] | None = None,
) -> Attributes:
    """`kind` is given where the objects are not of the resource's own."""
    namespace = old["metadata"].get("namespace", "")
    if kind is not None:
        asked = _asked("UPDATE", resource, namespace, new, old, options, subresource)
        return replace(asked, kind=kind)
    # Both as the request has them, whatever version is stored.
    new, old = in_version(resource, new), in_version(resource, old)
    return _asked("UPDATE", resource, namespace, new, old, options, subresource)


def _asked(
    operation: str,
    resource: Resource,
    namespace: str,
    obj: Object,
    old: Object | None,
    options: WriteOptions,
    subresource: str = "",
) -> Attributes:
    name = (old or obj)["metadata"].get("name", "")
    kind = "CreateOptions" if operation == "CREATE" else "UpdateOptions"
    return Attributes(
        operation="CREATE" if operation == "CREATE" else "UPDATE",
        resource=resource,
        namespace=name if resource.key == NAMESPACES else namespace,
        name=name,
        object=obj,
        old=old,
        user=options.user,
        options=_options(kind, dry_run=options.dry_run, fieldManager=options.manager),
        dry_run=options.dry_run,
        subresource=subresource,
        warnings=options.warnings,
    )


def removal(resource: Resource, obj: Object, options: DeleteOptions) -> Attributes:
    metadata = obj["metadata"]
    asked = {"propagationPolicy": options.propagation, "preconditions": dict(options.preconditions) or None}
    return Attributes(
        operation="DELETE",
        resource=resource,
        namespace=metadata["name"] if resource.key == NAMESPACES else metadata.get("namespace", ""),
        name=metadata["name"],
        object=None,
        old=in_version(resource, obj),
        user=options.user,
        options=_options(
            "DeleteOptions", dry_run=options.dry_run, gracePeriodSeconds=options.grace_period, **asked
        ),
        dry_run=options.dry_run,
        warnings=options.warnings,
    )


def _options(kind: str, *, dry_run: bool, **given: object) -> Object:
    options: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if dry_run:
        options["dryRun"] = ["All"]
    return options | {name: value for name, value in given.items() if value is not None}
