"""Istio's validating webhook for the current API and networking.istio.io, by kind."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kube.client import GroupResource, Review
from lab.mesh.config.current import (
    annotation_admission,
    authorization_policy,
    dry_run,
    peer_authentication,
    request_authentication,
    security_admission,
)
from lab.mesh.config.networking import admission
from lab.mesh.config.webhook import in_turn
from lab.mesh.workloads import revisions

ADMISSION: Mapping[GroupResource, Review] = {
    key: revisions.asked(
        in_turn(
            *admission.DECODING.get(key, ()),
            dry_run.review_on_policies if key == authorization_policy.KEY else dry_run.review_on_others,
            annotation_admission.review_annotations,
            review,
        )
    )
    for key, review in (
        *admission.REVIEWS.items(),
        (authorization_policy.KEY, security_admission.review_authorization_policy),
        (request_authentication.KEY, security_admission.review_request_authentication),
        (peer_authentication.KEY, security_admission.review_peer_authentication),
    )
}
"""In Istio's order; the first review that finds something wrong ends the search."""
