"""Makes the schemas of the kinds that the lab serves, cut out of all of Kubernetes' schemas.

`defs.json.gz` has the kinds that every lab uses, `stored_only.json.gz` what those need beyond it that few
labs ever look at: kinds that are only stored, and StatefulSets.

The source is the file `kubernetes-json-schema/v1.32.0-local/_definitions.json` of the Python package
kubernetes-validate (Apache-2.0), which keeps Kubernetes' own extensions (list types, merge keys):

    python -m lab.kube.kinds.data.extract path/to/_definitions.json
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from lab.kube.kinds import builtin
from lab.kube.objects import Json, Object

COMMON = {
    "ConfigMap",
    "CustomResourceDefinition",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "Lease",
    "Namespace",
    "Node",
    "Pod",
    "ReplicaSet",
    "Secret",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "Service",
    "ServiceAccount",
    "SubjectAccessReview",
    "TokenReview",
}
"""The built-in kinds that every lab uses."""
SENT = (
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
)
"""What travels besides the objects of built-in kinds."""
HERE = Path(__file__).parent


def roots(*, common: bool) -> list[str]:
    """The names of the schemas of built-in kinds."""
    return [each.schema.name for each in builtin.resources() if (each.kind in COMMON) == common]


def closure(definitions: Object, roots: Iterable[str]) -> set[str]:
    """The names of the roots and of everything that they refer to."""
    needed: set[str] = set()

    def walk(value: object) -> None:
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

    for root in roots:
        visit(root)
    return needed


def cleaned(schema: Json) -> Json:
    """A schema in OpenAPI's dialect: no nulls among types and enums, references by bare name."""
    if not isinstance(schema, dict):
        return schema
    result: Object = {}
    declared: Object = schema
    for word, value in declared.items():
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


def _write(stem: str, names: Iterable[str], definitions: Object) -> None:
    extract = {name: cleaned(definitions[name]) for name in sorted(names)}
    text = json.dumps(extract, separators=(",", ":"), sort_keys=True)
    output = HERE / f"{stem}.json.gz"
    # mtime=0: the same input makes the same bytes.
    output.write_bytes(gzip.compress(text.encode(), mtime=0))
    size = output.stat().st_size
    sys.stdout.write(f"{output.name}: {len(extract)} definitions, {len(text)} bytes, {size} compressed\n")


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    definitions = json.loads(Path(sys.argv[1]).read_text())["$defs"]
    common = closure(definitions, [*SENT, *roots(common=True)])
    _write("defs", common, definitions)
    _write("stored_only", closure(definitions, roots(common=False)) - common, definitions)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
