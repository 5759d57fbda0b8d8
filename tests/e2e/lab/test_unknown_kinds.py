"""Kinds of Istio's that the reference mesh does not have: refused, or said to have no effect."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.e2e.lab.conftest import Home

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: away, namespace: default}
spec: {hosts: [away.example]}
"""
WORKLOAD = ENTRY.replace("networking.istio.io/v1", "example.com/v1")


def definition(group: str) -> str:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"plural": "serviceentries", "kind": "ServiceEntry"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"serviceentries.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )


@pytest.fixture
def apply(home: Home) -> Callable[[str], subprocess.CompletedProcess[str]]:
    assert home.lab("up").returncode == 0
    environment = {**os.environ, "KUBECONFIG": str(home.path / "default" / "kubeconfig")}

    def run(manifest: str) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "apply", "-f", "-"]
        return subprocess.run(
            command, env=environment, input=manifest, capture_output=True, text=True, timeout=30, check=False
        )

    return run


def test_a_kind_that_the_mesh_does_not_know(apply: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    refused = apply(ENTRY)
    assert refused.returncode == 1
    assert 'no matches for kind "ServiceEntry" in version "networking.istio.io/v1"' in refused.stderr

    for group in ("networking.istio.io", "example.com"):
        assert apply(definition(group)).stderr == ""
    stored = apply(ENTRY)
    assert stored.stdout == "serviceentry.networking.istio.io/away created\n"
    assert stored.stderr == (
        "Warning: the reference mesh does not know a ServiceEntry: it is stored, but changes nothing\n"
    )
    # Of others' kinds there is nothing to say.
    assert apply(WORKLOAD).stderr == ""
