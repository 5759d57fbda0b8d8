"""The built-in kinds that the lab serves."""

from __future__ import annotations

from typing import Any

from lab.kube.kinds.columns import COLUMNS, DEFAULT
from lab.kube.kinds.native import native
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.stored_only import stored_only_resources

_CORE = "io.k8s.api.core.v1."
_APPS = "io.k8s.api.apps.v1."
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
_REVIEW: dict[str, Any] = {"namespaced": False, "verbs": ("create",)}
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    *(
        f"involvedObject.{field}"
        for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    ),
    "reason",
    "reportingComponent",
    "source",
    "type",
)


def _resource(schema: str, group: str, plural: str, **more: Any) -> Resource:
    return native(schema, group, plural, COLUMNS.get(schema.rsplit(".", 1)[1], DEFAULT), **more)


def builtin_resources() -> list[Resource]:
    """A fresh table of the built-in kinds."""
    return [
        _resource(
            _CORE + "Namespace",
            "",
            "namespaces",
            namespaced=False,
            short_names=("ns",),
            subresources=("finalize", "status"),
            fields=("status.phase",),
            name_rule="label",
        ),
        _resource(
            _CORE + "Pod",
            "",
            "pods",
            short_names=("po",),
            categories=("all",),
            subresources=("exec", "log", "portforward", "status"),
            fields=_POD_FIELDS,
        ),
        _resource(
            _CORE + "Service",
            "",
            "services",
            short_names=("svc",),
            categories=("all",),
            subresources=("status",),
            fields=("spec.clusterIP", "spec.type"),
            name_rule="service",
        ),
        _resource(
            _CORE + "ServiceAccount",
            "",
            "serviceaccounts",
            short_names=("sa",),
            subresources=("token",),
        ),
        _resource(_CORE + "ConfigMap", "", "configmaps", short_names=("cm",)),
        _resource(_CORE + "Secret", "", "secrets", fields=("type",)),
        _resource(_CORE + "Endpoints", "", "endpoints", short_names=("ep",)),
        _resource(
            _CORE + "Node",
            "",
            "nodes",
            namespaced=False,
            short_names=("no",),
            subresources=("status",),
            fields=("spec.unschedulable",),
        ),
        _resource(_CORE + "Event", "", "events", short_names=("ev",), fields=_EVENT_FIELDS),
        _resource(
            _APPS + "Deployment",
            "apps",
            "deployments",
            short_names=("deploy",),
            categories=("all",),
            subresources=("scale", "status"),
            has_generation=True,
        ),
        _resource(
            _APPS + "ReplicaSet",
            "apps",
            "replicasets",
            short_names=("rs",),
            categories=("all",),
            subresources=("scale", "status"),
            has_generation=True,
            fields=("status.replicas",),
        ),
        _resource(
            _APPS + "StatefulSet",
            "apps",
            "statefulsets",
            short_names=("sts",),
            categories=("all",),
            subresources=("scale", "status"),
            has_generation=True,
        ),
        _resource(_APPS + "ControllerRevision", "apps", "controllerrevisions"),
        _resource(
            _CRD,
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            namespaced=False,
            short_names=("crd", "crds"),
            categories=("api-extensions",),
            subresources=("status",),
            has_generation=True,
        ),
        _resource(
            "io.k8s.api.authentication.v1.SelfSubjectReview",
            "authentication.k8s.io",
            "selfsubjectreviews",
            **_REVIEW,
        ),
        _resource(
            "io.k8s.api.authentication.v1.TokenReview", "authentication.k8s.io", "tokenreviews", **_REVIEW
        ),
        _resource(
            "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
            "authorization.k8s.io",
            "selfsubjectaccessreviews",
            **_REVIEW,
        ),
        _resource(
            "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
            "authorization.k8s.io",
            "selfsubjectrulesreviews",
            **_REVIEW,
        ),
        _resource(
            "io.k8s.api.authorization.v1.SubjectAccessReview",
            "authorization.k8s.io",
            "subjectaccessreviews",
            **_REVIEW,
        ),
        _resource("io.k8s.api.coordination.v1.Lease", "coordination.k8s.io", "leases"),
        _resource(
            "io.k8s.api.discovery.v1.EndpointSlice",
            "discovery.k8s.io",
            "endpointslices",
            has_generation=True,
        ),
        *stored_only_resources(),
    ]
