"""The resource definitions that an Istio 1.0 cluster has.

Its networking.istio.io is served as v1alpha3 only, and without the fields that have come since to say whom an
object is for: a rule that looks private but is not would be worse than none.
"""

from __future__ import annotations

from pathlib import Path

from lab.kube.client import Object, clone
from lab.mesh.config import definitions
from lab.mesh.config.istio_1_0 import spelling

AUTHENTICATION = Path(__file__).parent / "crds"
MESH_POLICIES = {
    "kind": "MeshPolicy",
    "listKind": "MeshPolicyList",
    "plural": "meshpolicies",
    "singular": "meshpolicy",
}
NETWORKING_VERSION = "v1alpha3"
NEWER = ("exportTo", "workloadSelector")


def load() -> list[Object]:
    """All definitions."""
    policies = _in_both_spellings(*definitions.load(AUTHENTICATION))
    return [policies, _for_the_mesh(policies), *map(_as_it_was, definitions.load(definitions.NETWORKING))]


def _in_both_spellings(definition: Object) -> Object:
    for version in definition["spec"]["versions"]:
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        properties["spec"] = spelling.in_both(properties["spec"])
    return definition


def _for_the_mesh(policies: Object) -> Object:
    """MeshPolicy: the same as Policy, but for its name and scope."""
    definition: Object = clone(policies)
    spec = definition["spec"]
    spec["names"] |= MESH_POLICIES
    spec["scope"] = "Cluster"
    definition["metadata"]["name"] = f"{MESH_POLICIES['plural']}.{spec['group']}"
    return definition


def _as_it_was(definition: Object) -> Object:
    spec = definition["spec"]
    [version] = [each for each in spec["versions"] if each["name"] == NETWORKING_VERSION]
    properties = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    for field in NEWER:
        properties.pop(field, None)
    spec["versions"] = [version | {"storage": True}]
    return definition
