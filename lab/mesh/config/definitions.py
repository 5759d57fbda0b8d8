"""The resource definitions of a mesh, as their files hold them."""

from __future__ import annotations

from pathlib import Path

import yaml

from lab.kube.client import Object, clone

GATEWAY_API = Path(__file__).parent / "gateway_api" / "crds"
NETWORKING = Path(__file__).parent / "networking" / "crds"
"""Folders with definitions that several meshes have, or may have."""

# The C loader is about ten times as fast, which counts at every start of a lab.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(*folders: Path) -> list[Object]:
    """Every CustomResourceDefinition in these folders, by file name."""
    return [
        clone(yaml.load(path.read_bytes(), Loader=LOADER))
        for folder in folders
        for path in sorted(folder.glob("*.yaml"))
    ]
