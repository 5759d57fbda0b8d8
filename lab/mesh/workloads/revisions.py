"""Revisions (label `istio.io/rev`): a mesh reads objects of its own revision and those of none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.kube.client import Denied, GroupResource, Object, Review, Store

LABEL = "istio.io/rev"
REVISION = "default"
"""The one revision of the reference mesh."""

WEBHOOK = "rev.validation.istio.io"
"""The webhook for objects of the revision; `validation.istio.io` is for those without one."""


def in_force(store: Store, key: GroupResource) -> Iterator[Object]:
    """The objects of a kind that are not for another revision."""
    return (obj for obj in store.list(key) if _revision(obj) in (None, REVISION))


def asked(review: Review) -> Review:
    """The review in the name of the webhook that is called for an object, if any is."""

    def reviewed(new: Object) -> Sequence[str]:
        revision = _revision(new)
        if revision not in (None, REVISION):
            return ()
        try:
            return review(new)
        except Denied as refusal:
            webhook = refusal.webhook if revision is None else WEBHOOK
            raise Denied(refusal.message, webhook, refusal.code) from None

    return reviewed


def _revision(obj: Object) -> str | None:
    revision: str | None = (obj["metadata"].get("labels") or {}).get(LABEL)
    return revision
