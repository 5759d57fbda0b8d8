"""ConfigMaps."""

from __future__ import annotations

import re

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import CONFIG_MAPS
from lab.kube.kinds.printers import AGE, NAME, Column
from lab.kube.kinds.protobuf_messages import METADATA, Field, Scalar, optional, string_map
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object

_CONFIG_KEY = re.compile("[-._a-zA-Z0-9]+")
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or"
    " 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def check_data(obj: Object, old: Object | None) -> list[Cause]:
    """What is wrong with the data of a ConfigMap or Secret."""
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


RESOURCES = (
    native(
        "io.k8s.api.core.v1.ConfigMap",
        CONFIG_MAPS,
        short_names=("cm",),
        columns=(
            NAME,
            Column(
                "Data", lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), "integer"
            ),
            AGE,
        ),
        strategy=Strategy(validate=check_data, complete=True),
        protobuf={
            1: METADATA,
            2: string_map("data"),
            3: Field("binaryData", Scalar.BYTES_MAP),
            4: optional("immutable", Scalar.BOOLEAN),
        },
    ),
)
