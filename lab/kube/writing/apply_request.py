"""Checks of a server-side apply request, before anything is applied."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kube import errors
from lab.kube.errors import bad_request


def check_apply(body: object, query: Mapping[str, str]) -> None:
    """Raises a 400 or 422."""
    if not query.get("fieldManager"):
        cause = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("meta.k8s.io", "PatchOptions", "", [cause])
    if not isinstance(body, dict):
        raise bad_request(
            "error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    if not isinstance(body.get("kind"), str) or not isinstance(body.get("apiVersion"), str):
        raise bad_request("invalid object type: apiVersion and kind must be set")
