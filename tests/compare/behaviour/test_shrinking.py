"""A set of policies is made small, and stays one."""

from __future__ import annotations

from typing import Any

from tests.compare.behaviour.shrinking import shrunk


def policy(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "foo"}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata,
        "spec": spec,
    }


SET = [
    policy(
        "p0", action="DENY", rules=[{"to": [{"operation": {"paths": ["/a", "/b"], "methods": ["GET"]}}]}, {}]
    ),
    policy("p1", rules=[{}]),
]
SMALL = [policy("p0", rules=[{"to": [{"operation": {"paths": ["/b"]}}]}])]


def test_what_does_not_matter_goes() -> None:
    assert shrunk(SET, lambda objects: "/b" in str(objects)) == SMALL


def test_it_ends_after_so_many_looks_with_what_is_still_true() -> None:
    seen: list[object] = []

    def still(objects: list[dict[str, Any]]) -> bool:
        seen.append(objects)
        return "/b" in str(objects)

    small = shrunk(SET, still, looks=3)
    assert len(seen) == 3
    assert "/b" in str(small)
