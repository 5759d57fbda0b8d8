"""Namespaces."""

from __future__ import annotations

from lab.kube.group_resources import NAMESPACES
from lab.kube.identity.auth import User
from lab.kube.kinds.printers import AGE, NAME, Column, status_of
from lab.kube.kinds.protobuf_messages import METADATA, STATUS, Field, strings
from lab.kube.kinds.resources import ALL_VERBS, native
from lab.kube.kinds.strategies import Strategy, keep_spec
from lab.kube.objects import Object


def _defaults(namespace: Object) -> None:
    metadata = namespace["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}


def _prepare(namespace: Object, _user: User) -> None:
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    namespace["status"] = {"phase": "Active"}


RESOURCES = (
    native(
        "io.k8s.api.core.v1.Namespace",
        NAMESPACES,
        namespaced=False,
        short_names=("ns",),
        subresources=("finalize", "status"),
        fields=("status.phase",),
        name_rule="label",
        columns=(NAME, Column("Status", lambda obj: status_of(obj).get("phase", "")), AGE),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        strategy=Strategy(
            defaults=_defaults,
            prepare_for_create=_prepare,
            prepare_for_update=keep_spec,
            complete=True,
            protected=("default", "kube-node-lease", "kube-public", "kube-system"),
            terminates=True,
        ),
        protobuf={1: METADATA, 2: Field("spec", {1: strings("finalizers")}), 3: STATUS},
    ),
)
