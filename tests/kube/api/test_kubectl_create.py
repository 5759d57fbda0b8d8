"""kubectl's imperative commands, most of which send protobuf."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kube.served import Served, serving


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


def spec(cluster: Served, *what: str) -> dict[str, Any]:
    return json.loads(cluster.kubectl("get", *what, "-o", "json"))


def test_create_namespace(cluster):
    assert cluster.kubectl("create", "ns", "foo") == "namespace/foo created\n"
    assert spec(cluster, "ns", "foo")["status"] == {"phase": "Active"}
    assert cluster.refused("create", "ns", "foo") == (
        'Error from server (AlreadyExists): namespaces "foo" already exists\n'
    )


def test_create_service_account_and_token(cluster):
    assert cluster.kubectl("create", "sa", "robot") == "serviceaccount/robot created\n"
    token = cluster.kubectl("create", "token", "robot", "--duration", "20m").strip()
    whoami = cluster.kubectl("--token", token, "auth", "whoami", "-o", "json")
    assert json.loads(whoami)["status"]["userInfo"]["username"] == "system:serviceaccount:default:robot"
    assert cluster.refused("create", "token", "robot", "--duration", "1m") == (
        'error: failed to create token: TokenRequest.authentication.k8s.io "" is invalid: '
        "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes\n"
    )
    assert cluster.refused("create", "token", "nobody") == (
        'error: failed to create token: serviceaccounts "nobody" not found\n'
    )


def test_create_config_map_and_secret(cluster):
    made = cluster.kubectl("create", "cm", "settings", "--from-literal=mode=strict", "--from-literal=empty=")
    assert made == "configmap/settings created\n"
    assert spec(cluster, "cm", "settings")["data"] == {"mode": "strict", "empty": ""}
    cluster.kubectl("create", "secret", "generic", "keys", "--from-literal=password=s3cr3t")
    secret = spec(cluster, "secret", "keys")
    assert (secret["type"], secret["data"]) == ("Opaque", {"password": "czNjcjN0"})


def test_create_deployment_and_expose_it(cluster):
    made = cluster.kubectl("create", "deployment", "web", "--image=app:1", "--replicas=2", "--port=8080")
    assert made == "deployment.apps/web created\n"
    assert cluster.kubectl("rollout", "status", "deploy/web", "--timeout=5s").splitlines()[-1] == (
        'deployment "web" successfully rolled out'
    )
    assert cluster.kubectl("expose", "deploy/web", "--port=80") == "service/web exposed\n"
    made = cluster.kubectl("create", "service", "clusterip", "other", "--tcp=80:8080")
    assert made == "service/other created\n"
    [port] = spec(cluster, "svc", "other")["spec"]["ports"]
    assert port == {"name": "80-8080", "port": 80, "protocol": "TCP", "targetPort": 8080}


def test_run_a_pod_and_delete_it(cluster):
    assert cluster.kubectl("run", "solo", "--image=app:1", "--", "sleep", "5") == "pod/solo created\n"
    [container] = spec(cluster, "pod", "solo")["spec"]["containers"]
    assert container["args"] == ["sleep", "5"]
    assert cluster.kubectl("delete", "pod", "solo") == 'pod "solo" deleted\n'


def test_a_kind_without_a_table_says_how_to_send_it(cluster):
    complaint = cluster.refused("create", "quota", "q", "--hard=pods=1")
    assert complaint.startswith("error: failed to create quota: ")
