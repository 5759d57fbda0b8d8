"""What is special about single kinds: defaults, how they are created, rules beyond the schema."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.identity.tokens import SECRET_ACCOUNT, SECRET_TYPE
from lab.kube.kinds.admission_policies import BINDINGS, POLICIES, check_policy
from lab.kube.kinds.crds import CRDS, apply_crd_defaults
from lab.kube.kinds.decoding import cannot_handle
from lab.kube.kinds.podspec import (
    apply_pod_defaults,
    check_pod,
    check_quantities,
    prepare_pod,
)
from lab.kube.kinds.services import apply_service_defaults, check_service
from lab.kube.kinds.stored_only_rules import (
    apply_admission_policy_defaults,
    apply_autoscaler_defaults,
    apply_binding_defaults,
    apply_cronjob_defaults,
    apply_daemonset_defaults,
    apply_job_defaults,
    apply_network_policy_defaults,
    apply_priority_class_defaults,
    check_binding,
)
from lab.kube.kinds.webhook_configurations import (
    MUTATING,
    VALIDATING,
    apply_webhook_defaults,
    check_webhooks,
)
from lab.kube.kinds.workloads import (
    apply_deployment_defaults,
    apply_replicaset_defaults,
    apply_statefulset_defaults,
    check_deployment,
    check_replicaset,
    check_statefulset,
)
from lab.kube.objects import GroupResource, Object

_CONFIG_KEY = re.compile("[-._a-zA-Z0-9]+")
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or"
    " 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def _nothing(_: Object) -> None:
    """Most kinds need no preparation."""


def _no_causes(_new: Object, _old: Object | None) -> list[Cause]:
    return []


@dataclass(frozen=True)
class Strategy:
    """`defaults` runs on every write, `prepare` on creation alone; `check` gets the old object on updates.

    Before `check` comes what the schema requires, unless that is `complete`, with words of its own for it.
    """

    defaults: Callable[[Object], None] = _nothing
    prepare: Callable[[Object], None] = _nothing
    check: Callable[[Object, Object | None], list[Cause]] = _no_causes
    complete: bool = False


def _namespace_defaults(namespace: Object) -> None:
    metadata = namespace["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}


def _prepare_namespace(namespace: Object) -> None:
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    namespace["status"] = {"phase": "Active"}


def _prepare_service(service: Object) -> None:
    service["status"] = {"loadBalancer": {}}


def _pod_defaults(pod: Object) -> None:
    apply_pod_defaults(pod)
    check_quantities("Pod", pod["spec"])


def _deployment_defaults(deployment: Object) -> None:
    apply_deployment_defaults(deployment)
    check_quantities("Deployment", deployment["spec"]["template"]["spec"])


def _statefulset_defaults(statefulset: Object) -> None:
    apply_statefulset_defaults(statefulset)
    check_quantities("StatefulSet", statefulset["spec"]["template"]["spec"])


def _secret_defaults(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    data = secret.setdefault("data", {}) if secret.get("stringData") else secret.get("data") or {}
    for name, text in (secret.pop("stringData", None) or {}).items():
        data[name] = base64.b64encode(text.encode()).decode()
    for encoded in data.values():
        try:
            base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            wrong = re.search("[^A-Za-z0-9+/=]", encoded)
            place = wrong.start() if wrong else len(encoded)
            raise cannot_handle("Secret", "v1", f"illegal base64 data at input byte {place}") from None


def _check_data(obj: Object, old: Object | None) -> list[Cause]:
    causes = [
        errors.invalid_value(f"{field}[{key}]", key, _CONFIG_KEY_TEXT)
        for field in ("data", "binaryData")
        for key in obj.get(field) or {}
        if not _CONFIG_KEY.fullmatch(key)
    ]
    if old is not None and old.get("immutable"):
        fields = [f for f in ("data", "binaryData", "immutable") if obj.get(f) != old.get(f)]
        detail = "field is immutable when `immutable` is set"
        causes += [errors.field_forbidden(field, detail) for field in fields]
    return causes


def _check_secret(secret: Object, old: Object | None) -> list[Cause]:
    causes = _check_data(secret, old)
    annotations = secret["metadata"].get("annotations") or {}
    if secret["type"] == SECRET_TYPE and not annotations.get(SECRET_ACCOUNT):
        causes.append(errors.required(f"metadata.annotations[{SECRET_ACCOUNT}]"))
    return causes


def _complete(
    check: Callable[[Object, Object | None], list[Cause]] = _no_causes,
    defaults: Callable[[Object], None] = _nothing,
    prepare: Callable[[Object], None] = _nothing,
) -> Strategy:
    return Strategy(defaults, prepare, check, complete=True)


_RBAC = "rbac.authorization.k8s.io"
_BINDING = Strategy(apply_binding_defaults, check=check_binding)

STRATEGIES: dict[GroupResource, Strategy] = {
    GroupResource("", "namespaces"): _complete(defaults=_namespace_defaults, prepare=_prepare_namespace),
    GroupResource("", "pods"): _complete(check_pod, _pod_defaults, prepare_pod),
    GroupResource("", "services"): _complete(check_service, apply_service_defaults, _prepare_service),
    GroupResource("", "secrets"): _complete(_check_secret, _secret_defaults),
    GroupResource("", "configmaps"): _complete(_check_data),
    GroupResource("apps", "deployments"): _complete(check_deployment, _deployment_defaults),
    GroupResource("apps", "replicasets"): _complete(check_replicaset, apply_replicaset_defaults),
    GroupResource("apps", "statefulsets"): _complete(check_statefulset, _statefulset_defaults),
    CRDS: Strategy(apply_crd_defaults),
    MUTATING: Strategy(partial(apply_webhook_defaults, mutating=True), check=check_webhooks),
    VALIDATING: Strategy(partial(apply_webhook_defaults, mutating=False), check=check_webhooks),
    POLICIES: Strategy(apply_admission_policy_defaults, check=check_policy),
    BINDINGS: Strategy(apply_admission_policy_defaults),
    GroupResource("apps", "daemonsets"): Strategy(apply_daemonset_defaults),
    GroupResource("autoscaling", "horizontalpodautoscalers"): Strategy(apply_autoscaler_defaults),
    GroupResource("batch", "cronjobs"): Strategy(apply_cronjob_defaults),
    GroupResource("batch", "jobs"): Strategy(apply_job_defaults),
    GroupResource("networking.k8s.io", "networkpolicies"): Strategy(apply_network_policy_defaults),
    GroupResource("scheduling.k8s.io", "priorityclasses"): Strategy(apply_priority_class_defaults),
    GroupResource(_RBAC, "clusterrolebindings"): _BINDING,
    GroupResource(_RBAC, "rolebindings"): _BINDING,
}
DEFAULT_STRATEGY = Strategy()
