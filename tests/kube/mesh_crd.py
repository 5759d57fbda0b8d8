"""A custom resource for tests, with what structural schemas can say."""

from __future__ import annotations

from typing import Any

RULE = "!(has(self.portLevelMtls) && !has(self.selector))"
MODES = ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]
MODE = {"type": "object", "properties": {"mode": {"type": "string", "enum": MODES}}}


def port_levels_need_a_selector(spec: dict[str, Any]) -> bool:
    return "portLevelMtls" not in spec or "selector" in spec


CEL_RULES: dict[str, Any] = {RULE: port_levels_need_a_selector}


def peer_authentications(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """The definition; `spec` overrides the schema of the objects' spec."""
    schema = spec or {
        "type": "object",
        "description": "Who may talk to whom, and how.",
        "x-kubernetes-validations": [{"rule": RULE, "message": "portLevelMtls requires selector"}],
        "properties": {
            "mtls": {**MODE, "nullable": True},
            "portLevelMtls": {"type": "object", "minProperties": 1, "additionalProperties": MODE},
            "selector": {
                "type": "object",
                "properties": {
                    "matchLabels": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "maxLength": 5},
                    }
                },
            },
            "weight": {"type": "integer", "minimum": 1, "maximum": 9},
            "retries": {"type": "integer", "default": 3},
            "port": {"x-kubernetes-int-or-string": True},
            "hosts": {"type": "array", "maxItems": 2, "items": {"type": "string", "pattern": "^[a-z]+$"}},
            "match": {
                "type": "object",
                "properties": {"exact": {"type": "string"}, "prefix": {"type": "string"}},
            }
            | {"oneOf": [{"required": ["exact"]}, {"required": ["prefix"]}]},
            "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    versions: Any = [
        {
            "name": name,
            "served": True,
            "storage": name == "v1",
            "subresources": {"status": {}},
            "additionalPrinterColumns": [
                {"name": "Mode", "type": "string", "jsonPath": ".spec.mtls.mode"},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
            ],
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "spec": schema,
                        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    },
                }
            },
        }
        for name in ("v1", "v1beta1")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "peerauthentications.security.istio.io"},
        "spec": {
            "group": "security.istio.io",
            "scope": "Namespaced",
            "names": {"kind": "PeerAuthentication", "plural": "peerauthentications", "shortNames": ["pa"]},
            "versions": versions,
        },
    }


def peer_authentication(
    spec: dict[str, Any], name: str = "default", namespace: str = "foo"
) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
