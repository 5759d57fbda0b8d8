"""Reviews: questions to the server, answered in their status and never stored."""

from __future__ import annotations

from lab.kube.kinds.protobuf_messages import METADATA, STATUS, Field, Message, string
from lab.kube.kinds.resources import Resource, native
from lab.kube.objects import GroupResource

_ATTRIBUTES: Message = {
    1: string("namespace"),
    2: string("verb"),
    3: string("group"),
    4: string("version"),
    5: string("resource"),
    6: string("subresource"),
    7: string("name"),
}
_PATH: Message = {1: string("path"), 2: string("verb")}


def _review(group: str, kind: str, protobuf: Message | None = None) -> Resource:
    return native(
        f"io.k8s.api.{group}.v1.{kind}",
        GroupResource(f"{group}.k8s.io", f"{kind.lower()}s"),
        namespaced=False,
        verbs=("create",),
        protobuf=protobuf,
    )


RESOURCES = (
    _review("authentication", "SelfSubjectReview", {1: METADATA, 2: STATUS}),
    _review("authentication", "TokenReview"),
    _review(
        "authorization",
        "SelfSubjectAccessReview",
        {
            1: METADATA,
            2: Field(
                "spec",
                {
                    1: Field("resourceAttributes", _ATTRIBUTES, present=True),
                    2: Field("nonResourceAttributes", _PATH, present=True),
                },
            ),
            3: STATUS,
        },
    ),
    _review(
        "authorization",
        "SelfSubjectRulesReview",
        {1: METADATA, 2: Field("spec", {1: string("namespace")}), 3: STATUS},
    ),
    _review("authorization", "SubjectAccessReview"),
)
