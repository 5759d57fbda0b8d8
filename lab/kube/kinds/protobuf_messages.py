"""How the messages are described that clients send as protobuf: field numbers, after `generated.proto`.

kubectl's `create` sub-commands send their objects so and in no other way. Go's encoder writes every field
that is not a pointer, also an empty one; only a pointer's presence means something. Hence `present`: such a
field is kept when it holds zero, any other is dropped then, as `omitempty` does in JSON. Which fields are
pointers is said by the Go types alone (`generated.proto` calls every field optional), so that the messages
are written by hand, each with its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


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


class Field(NamedTuple):
    name: str
    type: Scalar | Message
    repeated: bool = False
    present: bool = False


Message = Mapping[int, Field]


def string(name: str) -> Field:
    return Field(name, Scalar.STRING)


def strings(name: str) -> Field:
    return Field(name, Scalar.STRING, repeated=True)


def integer(name: str) -> Field:
    return Field(name, Scalar.INTEGER)


def optional(name: str, scalar: Scalar) -> Field:
    return Field(name, scalar, present=True)


def string_map(name: str) -> Field:
    return Field(name, Scalar.STRING_MAP)


def many(name: str, message: Message) -> Field:
    return Field(name, message, repeated=True)


STATUS = Field("status", Scalar.IGNORED)

OWNER_REFERENCE: Message = {
    1: string("kind"),
    3: string("name"),
    4: string("uid"),
    5: string("apiVersion"),
    6: optional("controller", Scalar.BOOLEAN),
    7: optional("blockOwnerDeletion", Scalar.BOOLEAN),
}
OBJECT_META: Message = {
    1: string("name"),
    2: string("generateName"),
    3: string("namespace"),
    4: string("selfLink"),
    5: string("uid"),
    6: string("resourceVersion"),
    7: integer("generation"),
    8: Field("creationTimestamp", Scalar.TIME),
    11: string_map("labels"),
    12: string_map("annotations"),
    13: many("ownerReferences", OWNER_REFERENCE),
    14: strings("finalizers"),
}
METADATA = Field("metadata", OBJECT_META)
OBJECT_REFERENCE: Message = {
    1: string("kind"),
    2: string("namespace"),
    3: string("name"),
    4: string("uid"),
    5: string("apiVersion"),
    6: string("resourceVersion"),
    7: string("fieldPath"),
}
LOCAL_REFERENCE: Message = {1: string("name")}
LABEL_SELECTOR: Message = {
    1: string_map("matchLabels"),
    2: many("matchExpressions", {1: string("key"), 2: string("operator"), 3: strings("values")}),
}
DELETE_OPTIONS: Message = {
    1: optional("gracePeriodSeconds", Scalar.INTEGER),
    2: Field(
        "preconditions",
        {1: optional("uid", Scalar.STRING), 2: optional("resourceVersion", Scalar.STRING)},
        present=True,
    ),
    3: optional("orphanDependents", Scalar.BOOLEAN),
    4: optional("propagationPolicy", Scalar.STRING),
    5: strings("dryRun"),
}
