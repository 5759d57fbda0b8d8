"""The `pod-template-hash` label: equal pod templates have equal hashes."""

from __future__ import annotations

import hashlib

import orjson

from lab.kube.objects import Object, clone

HASH_LABEL = "pod-template-hash"
#: Kubernetes leaves out vowels and look-alikes, so that no hash is a word.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
LENGTH = 10


def template_hash(template: Object) -> str:
    """A hash of the template, of ten characters."""
    digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:LENGTH])


def with_hash(template: Object, short: str) -> Object:
    """The template with the label."""
    labelled: Object = clone(template)
    labelled.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = short
    return labelled


def same_template(one: Object, other: Object) -> bool:
    """Whether two templates are equal except for the hash."""
    return _bare(one) == _bare(other)


def _bare(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    kept = {key: value for key, value in metadata.items() if value not in (None, {}) and key != "labels"}
    return {**template, "metadata": {**kept, "labels": labels}}
