"""AdmissionReview: the request to a webhook, and the checks of its response."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

import orjson

from lab.kube.errors import ApiError
from lab.kube.objects import Object
from lab.kube.webhooks.attributes import Attributes

_GROUP = "admission.k8s.io"
_VERSIONS = ("v1", "v1beta1")


class BadAnswer(Exception):
    """A webhook's response is invalid."""


@dataclass(frozen=True)
class Answer:
    """`patch` is a list of JSON patch operations; `status` says why the request is not allowed."""

    allowed: bool
    patch: list[Object] | None = None
    status: Object = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def question(webhook: Object, asked: Attributes, requested: Attributes, uid: str) -> Object:
    """The AdmissionReview. `requested` is in the version of the request, `asked` in that of the webhook."""
    version = next(each for each in webhook["admissionReviewVersions"] if each in _VERSIONS)
    request = request_of(asked, requested, uid)
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def request_of(asked: Attributes, requested: Attributes, uid: str) -> Object:
    """What is asked, as webhooks and policies see it."""
    request: Object = {
        "uid": uid,
        "kind": _kind(asked),
        "resource": _resource(asked),
        "requestKind": _kind(requested),
        "requestResource": _resource(requested),
        "operation": asked.operation,
        "userInfo": asked.user.as_object(),
        "object": asked.object,
        "oldObject": asked.old,
        "dryRun": asked.dry_run,
        "options": asked.options,
    }
    named = {"name": asked.name, "namespace": asked.namespace}
    named |= {"subResource": asked.subresource, "requestSubResource": asked.subresource}
    return request | {name: value for name, value in named.items() if value}


def _kind(asked: Attributes) -> Object:
    return dict(zip(("group", "version", "kind"), asked.group_version_kind, strict=True))


def _resource(asked: Attributes) -> Object:
    resource = asked.resource
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def read(body: bytes, asked: Object, *, mutating: bool) -> Answer:
    """The answer to a question. Raises BadAnswer, in the API server's words."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(document, dict):
        raise BadAnswer("couldn't get version/kind; json parse error: the answer is no object")
    response = document.get("response")
    if response is None:
        raise _invalid("webhook response was absent")
    if not isinstance(response, dict):
        raise _invalid("webhook response was no object")
    if asked["apiVersion"] == f"{_GROUP}/v1":
        _check(document, response, asked, mutating=mutating)
    return _answer(response)


def _invalid(why: str) -> BadAnswer:
    return BadAnswer(f"received invalid webhook response: {why}")


def _check(document: Object, response: Object, asked: Object, *, mutating: bool) -> None:
    """What version v1 asks for, and v1beta1 does not."""
    wanted, found = asked["request"]["uid"], response.get("uid", "")
    if found != wanted:
        raise _invalid(f'expected response.uid="{wanted}", got "{found}"')
    if (document.get("apiVersion"), document.get("kind")) != (asked["apiVersion"], asked["kind"]):
        shown = f"{document.get('apiVersion', '')}, Kind={document.get('kind', '')}"
        raise _invalid(
            f"expected webhook response of {asked['apiVersion']}, Kind={asked['kind']}, got {shown}"
        )
    patch, kind = response.get("patch"), response.get("patchType")
    if not mutating:
        for name, value in (("patch", patch), ("patchType", kind)):
            if value:
                raise _invalid(f"validating webhook may not return response.{name}")
    elif patch and kind is None:
        raise _invalid("webhook returned response.patch but not response.patchType")
    elif kind is not None and not patch:
        raise _invalid("webhook returned response.patchType but not response.patch")
    elif kind not in (None, "JSONPatch"):
        raise _invalid(f'unsupported patch type "{kind}"')


def _answer(response: Object) -> Answer:
    allowed, warnings = response.get("allowed", False), response.get("warnings") or []
    if not isinstance(allowed, bool):
        raise _invalid("response.allowed is no boolean")
    if not isinstance(warnings, list) or not all(isinstance(each, str) for each in warnings):
        raise _invalid("response.warnings is no list of strings")
    status = response.get("status") or {}
    if not isinstance(status, dict):
        raise _invalid("response.status is no object")
    patch = None
    if encoded := response.get("patch"):
        try:
            patch = orjson.loads(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise _invalid("response.patch is no JSON in base64") from None
        if not isinstance(patch, list):
            raise _invalid("response.patch is no list of operations")
    return Answer(allowed, patch, status, tuple(warnings))


def refusal(webhook: str, status: Object) -> ApiError:
    """The error for the client if a webhook does not allow a request."""
    code = status.get("code")
    if not isinstance(code, int) or not 400 <= code < 600:
        code = 400
    why = status.get("message") or status.get("reason")
    message = f'admission webhook "{webhook}" denied the request'
    message += f": {why}" if why else " without explanation"
    details = status.get("details")
    reason = status.get("reason") or ""
    return ApiError(code, str(reason), message, details=details if isinstance(details, dict) else None)
