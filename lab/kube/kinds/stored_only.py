"""The kinds that installers bring, and on which nothing here acts: they are stored, and that is all.

Admission is the exception: the API server itself calls what a webhook configuration declares, and evaluates
policies.
"""

from __future__ import annotations

from typing import Any

from lab.kube.kinds.native import native
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.stored_only_columns import COLUMNS, CREATED

_ADMISSION, _RBAC = "admissionregistration.k8s.io", "rbac.authorization.k8s.io"
# Whoever waits for what never happens should know why. The others do their part in silence elsewhere, too.
_NO_PODS = "nothing in this cluster acts on a {}: it is stored, but no pods come of it"
_NOT_ENFORCED = "nothing in this cluster enforces a {}: it is stored, but all traffic goes on"


def _resource(name: str, group: str, plural: str, **more: Any) -> Resource:
    """`name` is that of the schema, below `io.k8s.api`."""
    kind = name.rsplit(".", 1)[1]
    if notice := more.pop("notice", ""):
        more["notice"] = notice.format(kind)
    return native(f"io.k8s.api.{name}", group, plural, COLUMNS.get(kind, CREATED), **more)


def stored_only_resources() -> list[Resource]:
    """A fresh table of these kinds."""
    cluster: dict[str, Any] = {"namespaced": False}
    counted: dict[str, Any] = {"has_generation": True}
    status: dict[str, Any] = {"subresources": ("status",), **counted}
    workload: dict[str, Any] = {**status, "categories": ("all",), "notice": _NO_PODS}
    return [
        _resource(
            "admissionregistration.v1.MutatingWebhookConfiguration",
            _ADMISSION,
            "mutatingwebhookconfigurations",
            categories=("api-extensions",),
            **cluster,
            **counted,
        ),
        _resource(
            "admissionregistration.v1.ValidatingAdmissionPolicy",
            _ADMISSION,
            "validatingadmissionpolicies",
            categories=("api-extensions",),
            **cluster,
            **status,
        ),
        _resource(
            "admissionregistration.v1.ValidatingAdmissionPolicyBinding",
            _ADMISSION,
            "validatingadmissionpolicybindings",
            categories=("api-extensions",),
            **cluster,
            **counted,
        ),
        _resource(
            "admissionregistration.v1.ValidatingWebhookConfiguration",
            _ADMISSION,
            "validatingwebhookconfigurations",
            categories=("api-extensions",),
            **cluster,
            **counted,
        ),
        _resource("apps.v1.DaemonSet", "apps", "daemonsets", short_names=("ds",), **workload),
        _resource(
            "autoscaling.v2.HorizontalPodAutoscaler",
            "autoscaling",
            "horizontalpodautoscalers",
            version="v2",
            short_names=("hpa",),
            categories=("all",),
            subresources=("status",),
        ),
        _resource("batch.v1.CronJob", "batch", "cronjobs", short_names=("cj",), **workload),
        _resource("batch.v1.Job", "batch", "jobs", **workload),
        _resource(
            "certificates.v1.CertificateSigningRequest",
            "certificates.k8s.io",
            "certificatesigningrequests",
            short_names=("csr",),
            subresources=("approval", "status"),
            fields=("spec.signerName",),
            **cluster,
        ),
        _resource("networking.v1.Ingress", "networking.k8s.io", "ingresses", short_names=("ing",), **status),
        _resource("networking.v1.IngressClass", "networking.k8s.io", "ingressclasses", **cluster, **counted),
        _resource(
            "networking.v1.NetworkPolicy",
            "networking.k8s.io",
            "networkpolicies",
            short_names=("netpol",),
            notice=_NOT_ENFORCED,
            **counted,
        ),
        _resource(
            "policy.v1.PodDisruptionBudget", "policy", "poddisruptionbudgets", short_names=("pdb",), **status
        ),
        _resource("rbac.v1.ClusterRole", _RBAC, "clusterroles", name_rule="path", **cluster),
        _resource("rbac.v1.ClusterRoleBinding", _RBAC, "clusterrolebindings", name_rule="path", **cluster),
        _resource("rbac.v1.Role", _RBAC, "roles", name_rule="path"),
        _resource("rbac.v1.RoleBinding", _RBAC, "rolebindings", name_rule="path"),
        _resource(
            "scheduling.v1.PriorityClass",
            "scheduling.k8s.io",
            "priorityclasses",
            short_names=("pc",),
            **cluster,
            **counted,
        ),
    ]
