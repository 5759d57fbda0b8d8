"""The fragments of a mesh profile in docs/adding-a-mesh.md are what a profile may contain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.mesh_profile import profile_file
from tests.docs.markdown import ROOT

pytestmark = pytest.mark.reference_only("of the documentation")

PAGE = ROOT / "docs" / "adding-a-mesh.md"
REQUIRED = {
    "name": "mymesh",
    "api": "current",
    "rootNamespace": "mymesh-system",
    "trustDomain": "cluster.local",
    "join": "{namespaceLabels: {mymesh: enabled}}",
    "ingress": "{istio: {namespace: mymesh-ingress, service: mymesh, selector: {app: mymesh}}}",
}
FIELD = re.compile(r"^(\w+):", re.MULTILINE)


def fragments() -> list[str]:
    """Each block of YAML; where it shows two values of a field, each of them."""
    found = []
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        fields = FIELD.findall(block)
        if len(fields) == len(set(fields)):
            found.append(block)
        else:
            found.extend(block.splitlines())
    return found


@pytest.mark.parametrize("fragment", fragments(), ids=lambda text: ",".join(FIELD.findall(text)))
def test_a_fragment_is_accepted_in_a_profile(tmp_path: Path, fragment: str) -> None:
    missing = REQUIRED.keys() - set(FIELD.findall(fragment))
    profile = tmp_path / "mymesh.yaml"
    profile.write_text(fragment + "".join(f"\n{name}: {REQUIRED[name]}" for name in sorted(missing)))
    profile_file.read(profile)
