"""Field numbers of the Kubernetes messages that clients send as protobuf, after the `generated.proto` files.

kubectl's `create` sub-commands send their objects so and in no other way. Go's encoder writes every field
that is not a pointer, also an empty one; only a pointer's presence means something. Hence `present`: such a
field is kept when it holds zero, any other is dropped then, as `omitempty` does in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Scalar(Enum):
    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    #: metav1.Time, seconds in field 1; JSON has RFC 3339 text.
    TIME = "time"
    #: util.intstr.IntOrString
    INT_OR_STRING = "int-or-string"
    STRING_MAP = "map of strings"
    #: map<string, bytes>; JSON has base64 text.
    BYTES_MAP = "map of bytes"
    #: Not read: the server discards what it holds (the status of a new object).
    IGNORED = "ignored"


@dataclass(frozen=True)
class Field:
    name: str
    type: Scalar | Message
    repeated: bool = False
    present: bool = False


Message = Mapping[int, Field]


def _string(name: str) -> Field:
    return Field(name, Scalar.STRING)


def _strings(name: str) -> Field:
    return Field(name, Scalar.STRING, repeated=True)


def _integer(name: str) -> Field:
    return Field(name, Scalar.INTEGER)


def _optional(name: str, scalar: Scalar) -> Field:
    return Field(name, scalar, present=True)


def _map(name: str) -> Field:
    return Field(name, Scalar.STRING_MAP)


def _many(name: str, message: Message) -> Field:
    return Field(name, message, repeated=True)


STATUS = Field("status", Scalar.IGNORED)

OWNER_REFERENCE: Message = {
    1: _string("kind"),
    3: _string("name"),
    4: _string("uid"),
    5: _string("apiVersion"),
    6: _optional("controller", Scalar.BOOLEAN),
    7: _optional("blockOwnerDeletion", Scalar.BOOLEAN),
}
OBJECT_META: Message = {
    1: _string("name"),
    2: _string("generateName"),
    3: _string("namespace"),
    4: _string("selfLink"),
    5: _string("uid"),
    6: _string("resourceVersion"),
    7: _integer("generation"),
    8: Field("creationTimestamp", Scalar.TIME),
    11: _map("labels"),
    12: _map("annotations"),
    13: _many("ownerReferences", OWNER_REFERENCE),
    14: _strings("finalizers"),
}
METADATA = Field("metadata", OBJECT_META)
OBJECT_REFERENCE: Message = {
    1: _string("kind"),
    2: _string("namespace"),
    3: _string("name"),
    4: _string("uid"),
    5: _string("apiVersion"),
    6: _string("resourceVersion"),
    7: _string("fieldPath"),
}
LOCAL_REFERENCE: Message = {1: _string("name")}

NAMESPACE: Message = {1: METADATA, 2: Field("spec", {1: _strings("finalizers")}), 3: STATUS}
SERVICE_ACCOUNT: Message = {
    1: METADATA,
    2: _many("secrets", OBJECT_REFERENCE),
    3: _many("imagePullSecrets", LOCAL_REFERENCE),
    4: _optional("automountServiceAccountToken", Scalar.BOOLEAN),
}
CONFIG_MAP: Message = {
    1: METADATA,
    2: _map("data"),
    3: Field("binaryData", Scalar.BYTES_MAP),
    4: _optional("immutable", Scalar.BOOLEAN),
}
SECRET: Message = {
    1: METADATA,
    2: Field("data", Scalar.BYTES_MAP),
    3: _string("type"),
    4: _map("stringData"),
    5: _optional("immutable", Scalar.BOOLEAN),
}
BOUND_OBJECT: Message = {1: _string("kind"), 2: _string("apiVersion"), 3: _string("name"), 4: _string("uid")}
TOKEN_REQUEST: Message = {
    1: METADATA,
    2: Field(
        "spec",
        {
            1: _strings("audiences"),
            3: Field("boundObjectRef", BOUND_OBJECT, present=True),
            4: _optional("expirationSeconds", Scalar.INTEGER),
        },
    ),
    3: STATUS,
}
DELETE_OPTIONS: Message = {
    1: _optional("gracePeriodSeconds", Scalar.INTEGER),
    2: Field(
        "preconditions",
        {1: _optional("uid", Scalar.STRING), 2: _optional("resourceVersion", Scalar.STRING)},
        present=True,
    ),
    3: _optional("orphanDependents", Scalar.BOOLEAN),
    4: _optional("propagationPolicy", Scalar.STRING),
    5: _strings("dryRun"),
}
CONTAINER: Message = {
    1: _string("name"),
    2: _string("image"),
    3: _strings("command"),
    4: _strings("args"),
    5: _string("workingDir"),
    6: _many(
        "ports",
        {
            1: _string("name"),
            2: _integer("hostPort"),
            3: _integer("containerPort"),
            4: _string("protocol"),
            5: _string("hostIP"),
        },
    ),
    7: _many("env", {1: _string("name"), 2: _string("value")}),
    8: Field("resources", {}),
    13: _string("terminationMessagePath"),
    14: _string("imagePullPolicy"),
    16: Field("stdin", Scalar.BOOLEAN),
    17: Field("stdinOnce", Scalar.BOOLEAN),
    18: Field("tty", Scalar.BOOLEAN),
    20: _string("terminationMessagePolicy"),
}
POD_SPEC: Message = {
    2: _many("containers", CONTAINER),
    3: _string("restartPolicy"),
    4: _optional("terminationGracePeriodSeconds", Scalar.INTEGER),
    6: _string("dnsPolicy"),
    7: _map("nodeSelector"),
    8: _string("serviceAccountName"),
    9: _string("serviceAccount"),
    10: _string("nodeName"),
    11: Field("hostNetwork", Scalar.BOOLEAN),
    12: Field("hostPID", Scalar.BOOLEAN),
    13: Field("hostIPC", Scalar.BOOLEAN),
    16: _string("hostname"),
    17: _string("subdomain"),
    19: _string("schedulerName"),
    20: _many("initContainers", CONTAINER),
    24: _string("priorityClassName"),
}
LABEL_SELECTOR: Message = {
    1: _map("matchLabels"),
    2: _many("matchExpressions", {1: _string("key"), 2: _string("operator"), 3: _strings("values")}),
}
ROLLING_UPDATE: Message = {
    1: _optional("maxUnavailable", Scalar.INT_OR_STRING),
    2: _optional("maxSurge", Scalar.INT_OR_STRING),
}
DEPLOYMENT: Message = {
    1: METADATA,
    2: Field(
        "spec",
        {
            1: _optional("replicas", Scalar.INTEGER),
            2: Field("selector", LABEL_SELECTOR, present=True),
            3: Field("template", {1: METADATA, 2: Field("spec", POD_SPEC)}),
            4: Field(
                "strategy", {1: _string("type"), 2: Field("rollingUpdate", ROLLING_UPDATE, present=True)}
            ),
            5: _integer("minReadySeconds"),
            6: _optional("revisionHistoryLimit", Scalar.INTEGER),
            7: Field("paused", Scalar.BOOLEAN),
            9: _optional("progressDeadlineSeconds", Scalar.INTEGER),
        },
    ),
    3: STATUS,
}
SERVICE: Message = {
    1: METADATA,
    2: Field(
        "spec",
        {
            1: _many(
                "ports",
                {
                    1: _string("name"),
                    2: _string("protocol"),
                    3: _integer("port"),
                    4: Field("targetPort", Scalar.INT_OR_STRING),
                    5: _integer("nodePort"),
                    6: _optional("appProtocol", Scalar.STRING),
                },
            ),
            2: _map("selector"),
            3: _string("clusterIP"),
            4: _string("type"),
            5: _strings("externalIPs"),
            7: _string("sessionAffinity"),
            8: _string("loadBalancerIP"),
            9: _strings("loadBalancerSourceRanges"),
            10: _string("externalName"),
            11: _string("externalTrafficPolicy"),
            12: _integer("healthCheckNodePort"),
            13: Field("publishNotReadyAddresses", Scalar.BOOLEAN),
            17: _optional("ipFamilyPolicy", Scalar.STRING),
            18: _strings("clusterIPs"),
            19: _strings("ipFamilies"),
            20: _optional("allocateLoadBalancerNodePorts", Scalar.BOOLEAN),
            22: _optional("internalTrafficPolicy", Scalar.STRING),
        },
    ),
    3: STATUS,
}
RESOURCE_ATTRIBUTES: Message = {
    1: _string("namespace"),
    2: _string("verb"),
    3: _string("group"),
    4: _string("version"),
    5: _string("resource"),
    6: _string("subresource"),
    7: _string("name"),
}
NON_RESOURCE_ATTRIBUTES: Message = {1: _string("path"), 2: _string("verb")}
SELF_SUBJECT_ACCESS_REVIEW: Message = {
    1: METADATA,
    2: Field(
        "spec",
        {
            1: Field("resourceAttributes", RESOURCE_ATTRIBUTES, present=True),
            2: Field("nonResourceAttributes", NON_RESOURCE_ATTRIBUTES, present=True),
        },
    ),
    3: STATUS,
}
SELF_SUBJECT_RULES_REVIEW: Message = {1: METADATA, 2: Field("spec", {1: _string("namespace")}), 3: STATUS}
SELF_SUBJECT_REVIEW: Message = {1: METADATA, 2: STATUS}

MESSAGES: Mapping[tuple[str, str], Message] = {
    ("v1", "Namespace"): NAMESPACE,
    ("v1", "ServiceAccount"): SERVICE_ACCOUNT,
    ("v1", "ConfigMap"): CONFIG_MAP,
    ("v1", "Secret"): SECRET,
    ("v1", "Service"): SERVICE,
    ("v1", "DeleteOptions"): DELETE_OPTIONS,
    ("meta.k8s.io/v1", "DeleteOptions"): DELETE_OPTIONS,
    ("apps/v1", "Deployment"): DEPLOYMENT,
    ("authentication.k8s.io/v1", "TokenRequest"): TOKEN_REQUEST,
    ("authentication.k8s.io/v1", "SelfSubjectReview"): SELF_SUBJECT_REVIEW,
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): SELF_SUBJECT_ACCESS_REVIEW,
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): SELF_SUBJECT_RULES_REVIEW,
}
