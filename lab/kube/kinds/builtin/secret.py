"""Secrets: what is written as text is stored in base64."""

from __future__ import annotations

import base64
import binascii
import re

from lab.kube import errors
from lab.kube.errors import Cause
from lab.kube.group_resources import SECRETS
from lab.kube.identity.tokens import SECRET_ACCOUNT, SECRET_TYPE
from lab.kube.kinds.builtin.config_map import check_data
from lab.kube.kinds.decoding import cannot_handle
from lab.kube.kinds.printers import AGE, NAME, Column
from lab.kube.kinds.protobuf_messages import METADATA, Field, Scalar, optional, string, string_map
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy
from lab.kube.objects import Object


def _defaults(secret: Object) -> None:
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


def _validate(secret: Object, old: Object | None) -> list[Cause]:
    causes = check_data(secret, old)
    annotations = secret["metadata"].get("annotations") or {}
    if secret["type"] == SECRET_TYPE and not annotations.get(SECRET_ACCOUNT):
        causes.append(errors.required(f"metadata.annotations[{SECRET_ACCOUNT}]"))
    return causes


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Secret",
        SECRETS,
        fields=("type",),
        columns=(
            NAME,
            Column("Type", lambda obj: obj.get("type", "")),
            Column("Data", lambda obj: len(obj.get("data") or {}), "integer"),
            AGE,
        ),
        strategy=Strategy(defaults=_defaults, validate=_validate, complete=True),
        protobuf={
            1: METADATA,
            2: Field("data", Scalar.BYTES_MAP),
            3: string("type"),
            4: string_map("stringData"),
            5: optional("immutable", Scalar.BOOLEAN),
        },
    ),
)
