"""Makes `defs.json.gz`: the schemas of the kinds that the lab serves, cut out of all of Kubernetes' schemas.

The source is the file `kubernetes-json-schema/v1.32.0-local/_definitions.json` of the Python package
kubernetes-validate (Apache-2.0), which keeps Kubernetes' own extensions (list types, merge keys):

    python -m lab.kube.kinds.data.extract path/to/_definitions.json
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

ROOTS = (
    *(
        f"io.k8s.api.core.v1.{kind}"
        for kind in (
            "Namespace",
            "Pod",
            "Service",
            "ServiceAccount",
            "ConfigMap",
            "Secret",
            "Endpoints",
            "Event",
            "Node",
        )
    ),
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.apps.v1.ReplicaSet",
    "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.authentication.v1.TokenReview",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    "io.k8s.api.authorization.v1.SubjectAccessReview",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.coordination.v1.Lease",
    "io.k8s.api.discovery.v1.EndpointSlice",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
)
OUTPUT = Path(__file__).with_name("defs.json.gz")


def closure(definitions: dict[str, Any]) -> set[str]:
    """The names of the roots and of everything that they refer to."""
    needed: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            # A *property* may be called "$ref" too; then its value is a schema, not a name.
            if isinstance(reference := value.get("$ref"), str):
                visit(reference.rsplit("/", 1)[1])
            for child in value.values():
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)

    def visit(name: str) -> None:
        if name not in needed:
            needed.add(name)
            walk(definitions[name])

    for root in ROOTS:
        visit(root)
    return needed


def cleaned(schema: Any) -> Any:
    """A schema in OpenAPI's dialect: no nulls among types and enums, references by bare name."""
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "type" and isinstance(value, list):
            types = [item for item in value if item != "null"]
            result[word] = types[0] if len(types) == 1 else types
        elif word == "enum":
            result[word] = [item for item in value if item is not None]
        elif word == "$ref":
            result[word] = value.rsplit("/", 1)[1]
        elif word == "properties":
            result[word] = {name: cleaned(child) for name, child in value.items()}
        elif word in ("items", "additionalProperties", "not"):
            result[word] = cleaned(value)
        elif word in ("oneOf", "anyOf", "allOf"):
            result[word] = [cleaned(child) for child in value]
        else:
            result[word] = value
    return result


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    definitions = json.loads(Path(sys.argv[1]).read_text())["$defs"]
    extract = {name: cleaned(definitions[name]) for name in sorted(closure(definitions))}
    text = json.dumps(extract, separators=(",", ":"), sort_keys=True)
    # mtime=0: the same input makes the same bytes.
    OUTPUT.write_bytes(gzip.compress(text.encode(), mtime=0))
    sys.stdout.write(f"{len(extract)} definitions, {len(text)} bytes, {OUTPUT.stat().st_size} compressed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
