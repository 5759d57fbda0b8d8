"""Puts the playground into a lab."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from tests.compare.behaviour import echo
from tests.compare.planes import NotThere

HERE = Path(__file__).parent
NAMESPACES = ("foo", "bar", "legacy")
GATEWAY_API = "gateway.networking.k8s.io"
PATIENCE = "--timeout=120s"


def deploy(kubeconfig: Path) -> None:
    """Gives it, all of it ready. Raises NotThere."""
    text = (HERE / "playground.yaml").read_text()
    text = text.replace("$PYTHON", sys.executable).replace("$ECHO", echo.__file__)
    items = {"apiVersion": "v1", "kind": "List", "items": yaml.safe_load(text)}
    _kubectl(kubeconfig, "apply", "-f", "-", text=json.dumps(items))
    gateway = f"gateways.{GATEWAY_API}/compare"
    _kubectl(kubeconfig, "wait", "-n", "foo", "--for=condition=Programmed", gateway, PATIENCE)
    for namespace in NAMESPACES:
        _kubectl(kubeconfig, "rollout", "status", "-n", namespace, "deployments", PATIENCE)


def _kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> None:
    command = ["kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotThere(f"the playground is not ready: {done.stderr.strip().splitlines()[-1]}")
