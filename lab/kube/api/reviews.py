"""Requests that store nothing: TokenRequest, TokenReview and the SelfSubject reviews.

Every known user may do everything, so access reviews allow everything to everybody but the anonymous user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lab.kube.errors import (
    Cause,
    bad_request,
    forbidden,
    invalid,
    invalid_value,
    not_found,
    unsupported_value,
)
from lab.kube.identity.auth import ANONYMOUS, PUBLIC_PATHS, Authenticator, User, user_of
from lab.kube.identity.tokens import BINDABLE, ISSUER, InvalidToken
from lab.kube.objects import Object
from lab.kube.store import Store
from lab.kube.timestamps import timestamp

#: Seconds, after the API's own validation.
SHORTEST_LIFETIME, LONGEST_LIFETIME, DEFAULT_LIFETIME = 600, 2**32, 3600


def token_request(authenticator: Authenticator, store: Store, account: Object, request: Object) -> Object:
    """Answers a TokenRequest for a ServiceAccount. Raises ApiError: 422, 404, 409 for its boundObjectRef."""
    spec = _spec(request)
    lifetime = spec.get("expirationSeconds", DEFAULT_LIFETIME)
    audiences = spec.get("audiences") or [ISSUER]
    _check_token_request(lifetime, audiences)
    bound = _bound_object(store, account["metadata"]["namespace"], spec.get("boundObjectRef"))
    token, expiry = authenticator.tokens.issue(account, audiences=audiences, lifetime=lifetime, bound=bound)
    expires = timestamp(datetime.fromtimestamp(expiry, UTC))
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {key: account["metadata"][key] for key in ("name", "namespace")},
        "spec": {"audiences": audiences, "expirationSeconds": lifetime} | _given(spec, "boundObjectRef"),
        "status": {"token": token, "expirationTimestamp": expires},
    }


def _check_token_request(lifetime: object, audiences: object) -> None:
    field = "spec.expirationSeconds"
    causes: list[Cause] = []
    if isinstance(lifetime, bool) or not isinstance(lifetime, int):
        raise bad_request(f"{field} must be a number of seconds")
    if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
        raise bad_request("spec.audiences must be a list of strings")
    if lifetime < SHORTEST_LIFETIME:
        causes.append(invalid_value(field, lifetime, "may not specify a duration less than 10 minutes"))
    if lifetime > LONGEST_LIFETIME:
        causes.append(invalid_value(field, lifetime, "may not specify a duration larger than 2^32 seconds"))
    if causes:
        raise invalid("authentication.k8s.io", "TokenRequest", "", causes)


def _bound_object(store: Store, namespace: str, reference: object) -> Object | None:
    if not reference:
        return None
    if not isinstance(reference, dict):
        raise bad_request("spec.boundObjectRef must be an object")
    kind, name = reference.get("kind"), reference.get("name", "")
    if kind not in BINDABLE:
        causes = [unsupported_value("spec.boundObjectRef.kind", kind, sorted(BINDABLE))]
        raise invalid("authentication.k8s.io", "TokenRequest", "", causes)
    key = BINDABLE[kind]
    found = store.get(key, "" if kind == "Node" else namespace, name)
    if found is None:
        raise not_found(key, name)
    if reference.get("uid") not in (None, "", found["metadata"]["uid"]):
        raise forbidden(
            key, name, f"the UID in the bound object reference ({reference['uid']}) does not match"
        )
    return {"kind": kind, **found}


@dataclass(frozen=True)
class ReviewRequest:
    """A review, and the user who requests it."""

    authenticator: Authenticator
    user: User
    request: Object


def _token_status(asked: ReviewRequest) -> Object:
    spec = _spec(asked.request)
    audiences = spec.get("audiences") or []
    if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
        raise bad_request("spec.audiences must be a list of strings")
    try:
        identity = asked.authenticator.tokens.verify(str(spec.get("token", "")), audiences)
    except InvalidToken as error:
        return {"user": {}, "error": f"invalid bearer token: {error}"}
    user = user_of(identity).as_object()
    return {"authenticated": True, "user": user, "audiences": list(identity.audiences)}


def _self_status(asked: ReviewRequest) -> Object:
    return {"userInfo": asked.user.as_object()}


_EVERYTHING = "every known user of this cluster may do everything"


def _own_access_status(_: ReviewRequest) -> Object:
    # The anonymous user does not get as far as to ask.
    return {"allowed": True, "reason": _EVERYTHING}


def _access_status(asked: ReviewRequest) -> Object:
    """The result of `Authenticator.authorize` for another user."""
    spec = _spec(asked.request)
    if spec.get("user") != ANONYMOUS.name:
        return {"allowed": True, "reason": _EVERYTHING}
    return {"allowed": (spec.get("nonResourceAttributes") or {}).get("path") in PUBLIC_PATHS}


def _rules_status(_: ReviewRequest) -> Object:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


REVIEWS: Mapping[str, Callable[[ReviewRequest], Object]] = {
    "TokenReview": _token_status,
    "SelfSubjectReview": _self_status,
    "SelfSubjectAccessReview": _own_access_status,
    "SubjectAccessReview": _access_status,
    "SelfSubjectRulesReview": _rules_status,
}
"""The handlers of reviews, by kind."""


def review(kind: str, authenticator: Authenticator, user: User, request: Object) -> Object:
    """The posted review with its status filled in. `kind` is one of REVIEWS."""
    return {**request, "status": REVIEWS[kind](ReviewRequest(authenticator, user, request))}


def _spec(request: Object) -> Object:
    spec = request.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request("spec must be an object")
    return spec


def _given(spec: Object, key: str) -> Object:
    return {key: spec[key]} if key in spec else {}
