"""Objects for the tests of the write pipeline, and what it says of one that it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.errors import ApiError
from lab.kube.objects import GroupResource
from lab.kube.writing.writes import Writes

PEERS = GroupResource("security.istio.io", "peerauthentications")


def deployment(**spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "metadata": {"name": "web", "namespace": "foo"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "web", "image": "web"}]
    return {"metadata": {"name": "web", "namespace": "foo"}, "spec": {"containers": containers, **spec}}


def service(*ports: dict[str, Any], name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "foo"},
        "spec": {"ports": list(ports) or [{"port": 80}], **spec},
    }


def refusal(writes: Writes, key: GroupResource, obj: dict[str, Any]) -> tuple[int, str, str]:
    with pytest.raises(ApiError) as caught:
        writes.create(key, obj, manager="test")
    return caught.value.code, caught.value.reason, caught.value.message
