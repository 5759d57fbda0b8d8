"""A controller: each Encryption becomes a PeerAuthentication of the same name. Not a part of the lab."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

from kubernetes import config, dynamic
from kubernetes.client import ApiClient
from kubernetes.dynamic.exceptions import NotFoundError

LEVELS = {"Required": "STRICT", "Optional": "PERMISSIVE", "Off": "DISABLE"}
MADE = {"mesh.example.com/made-of": "encryption"}
RESTS_S = 60


def translated(encryption: dict[str, Any]) -> dict[str, Any]:
    """What the reference understands."""
    spec, metadata = encryption["spec"], encryption["metadata"]
    result: dict[str, Any] = {"mtls": {"mode": LEVELS[spec["level"]]}}
    if "pods" in spec:
        result["selector"] = {"matchLabels": spec["pods"]}
    if "ports" in spec:
        result["portLevelMtls"] = {port: {"mode": LEVELS[level]} for port, level in spec["ports"].items()}
    return {
        "apiVersion": "security.istio.io/v1beta1",
        "kind": "PeerAuthentication",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "labels": MADE},
        "spec": result,
    }


def main(kubeconfig: str) -> None:
    """Until it is ended."""
    config.load_kube_config(kubeconfig)
    resources = dynamic.DynamicClient(ApiClient()).resources
    ours = resources.get(api_version="mesh.example.com/v1", kind="Encryption")
    theirs = resources.get(api_version="security.istio.io/v1beta1", kind="PeerAuthentication")
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for that
    while True:
        for event in ours.watch(timeout=RESTS_S):
            item = translated(event["raw_object"])
            name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
            if event["type"] == "DELETED":
                with contextlib.suppress(NotFoundError):  # it went with its namespace
                    theirs.delete(name=name, namespace=namespace)
            else:
                theirs.server_side_apply(
                    body=item, name=name, namespace=namespace, field_manager="foreign", force_conflicts=True
                )
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1])
