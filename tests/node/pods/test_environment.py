from __future__ import annotations

import os

import pytest

from lab.kube.client import SERVICES, Object, Store
from lab.node.pods import downward_api
from lab.node.pods.downward_api import ConfigMissing
from lab.node.pods.environment import environment

POD: Object = {
    "metadata": {
        "name": "one",
        "namespace": "default",
        "uid": "1",
        "labels": {"b": "2", "a": "1"},
        "annotations": {"quoted": 'a "word"\nand a line', "name": "Jürgen"},
    },
    "spec": {
        "containers": [
            {"name": "app"},
            {"name": "limited", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}},
        ]
    },
}


def test_whole_maps_are_lines_with_quoted_values() -> None:
    assert downward_api.field("metadata.labels", POD, "10.0.0.1") == 'a="1"\nb="2"'
    expected = 'name="Jürgen"\nquoted="a \\"word\\"\\nand a line"'
    assert downward_api.field("metadata.annotations", POD, "10.0.0.1") == expected
    assert downward_api.field("metadata.annotations['name']", POD, "") == "Jürgen"


@pytest.mark.parametrize(
    ("resources", "resource", "divisor", "value"),
    [
        ({"limits": {"cpu": "1500m"}}, "limits.cpu", "", "2"),
        ({"limits": {"cpu": "1500m"}}, "limits.cpu", "0", "2"),
        ({"limits": {"cpu": "1500m"}}, "limits.cpu", "1m", "1500"),
        ({"limits": {"memory": "1Gi"}}, "limits.memory", "", "1073741824"),
        ({"limits": {"memory": "1Gi"}}, "limits.memory", "1Mi", "1024"),
        ({"limits": {"memory": "1.5G"}}, "limits.memory", "1M", "1500"),
        ({"limits": {"memory": "1e3"}}, "limits.memory", "", "1000"),
        ({"requests": {"cpu": "10m"}, "limits": {"cpu": "2"}}, "requests.cpu", "1m", "10"),
        ({"limits": {"cpu": "2"}}, "requests.cpu", "", "2"),
        ({}, "requests.cpu", "", "0"),
        ({}, "limits.cpu", "", str(os.cpu_count())),
    ],
)
def test_resources_are_rounded_up_in_their_divisor(
    resources: Object, resource: str, divisor: str, value: str
) -> None:
    reference = {"resource": resource} | ({"divisor": divisor} if divisor else {})
    assert downward_api.resource(reference, {"resources": resources}, POD) == value


def test_resources_may_be_another_containers() -> None:
    reference = {"resource": "limits.cpu", "containerName": "limited"}
    assert downward_api.resource(reference, {}, POD) == "2"
    with pytest.raises(ConfigMissing, match="container other not found"):
        downward_api.resource(reference | {"containerName": "other"}, {}, POD)


def test_the_api_server_is_found_once_it_has_a_service() -> None:
    store = Store()
    env = [{"name": "WHERE", "value": "$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)"}]
    assert environment({"env": env}, POD, "", store)["WHERE"].startswith("$(")
    service = {
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
    }
    store.put(SERVICES, service)
    found = environment({"env": env}, POD, "", store)
    assert found["WHERE"] == "10.96.0.1:443"
    assert found["KUBERNETES_PORT"] == found["KUBERNETES_PORT_443_TCP"] == "tcp://10.96.0.1:443"
