"""ServiceAccounts, and the requests for their tokens."""

from __future__ import annotations

from lab.kube.group_resources import SERVICE_ACCOUNTS
from lab.kube.kinds.printers import AGE, NAME, Column
from lab.kube.kinds.protobuf_messages import (
    LOCAL_REFERENCE,
    METADATA,
    OBJECT_REFERENCE,
    STATUS,
    Field,
    Scalar,
    many,
    optional,
    string,
    strings,
)
from lab.kube.kinds.resources import native
from lab.kube.kinds.strategies import Strategy

MESSAGES = {
    ("authentication.k8s.io/v1", "TokenRequest"): {
        1: METADATA,
        2: Field(
            "spec",
            {
                1: strings("audiences"),
                3: Field(
                    "boundObjectRef",
                    {1: string("kind"), 2: string("apiVersion"), 3: string("name"), 4: string("uid")},
                    present=True,
                ),
                4: optional("expirationSeconds", Scalar.INTEGER),
            },
        ),
        3: STATUS,
    }
}


RESOURCES = (
    native(
        "io.k8s.api.core.v1.ServiceAccount",
        SERVICE_ACCOUNTS,
        short_names=("sa",),
        subresources=("token",),
        columns=(NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or []), "integer"), AGE),
        strategy=Strategy(returns_deleted=True),
        protobuf={
            1: METADATA,
            2: many("secrets", OBJECT_REFERENCE),
            3: many("imagePullSecrets", LOCAL_REFERENCE),
            4: optional("automountServiceAccountToken", Scalar.BOOLEAN),
        },
    ),
)
