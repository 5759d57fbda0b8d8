"""Istio says of every object in the tables of tests/mesh what the reference says, by `istioctl validate`.

It runs the code of Istio's webhook. What a schema refuses is not asked: the schemas are Istio's.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lab.mesh.config.cel_rules import CEL_RULES
from tests.compare.api_server import Answer
from tests.compare.verdicts import blamed
from tests.mesh.admission import GROUPS, NAMESPACE, WEBHOOK, Admission
from tests.mesh.config.current import test_security_admission as security
from tests.mesh.config.networking import test_routing_admission as routing
from tests.planes.istio_lab import bundle

Row = tuple[str, Any, dict[str, str]]
"""Kind, spec and annotations."""

BY_ISTIO: list[Row] = [
    *((security.TOKENS, spec, {}) for spec, _ in security.REFUSED_TOKENS),
    *((security.ACCESS, spec, {}) for spec, _ in security.REFUSED_ACCESS),
    *((security.ACCESS, security.deny(security.to(paths=[path])), {}) for path in security.REFUSED_PATHS),
    *((security.PEERS, spec, {}) for spec, _ in security.REFUSED_PEERS),
    *((kind, spec, annotations) for kind, spec, annotations, _ in security.REFUSED_ANNOTATIONS),
    *(("Gateway", spec, {}) for spec, _ in routing.REFUSED_GATEWAYS),
    *(("VirtualService", spec, {}) for spec, _ in routing.REFUSED_ROUTES),
    *(("DestinationRule", spec, {}) for spec, _ in routing.REFUSED_RULES),
]
BY_NOBODY: list[Row] = [
    *((security.TOKENS, spec, {}) for spec in security.TAKEN_TOKENS),
    *((security.ACCESS, spec, {}) for spec in security.TAKEN_ACCESS),
    *(("Gateway", spec, {}) for spec in routing.ACCEPTED_GATEWAYS),
    *(("VirtualService", spec, {}) for spec in routing.ACCEPTED_ROUTES),
    *(("DestinationRule", spec, {}) for spec in routing.ACCEPTED_RULES),
]
BY_THE_REFERENCE: list[Row] = [
    *((kind, spec, {}) for kind, spec, _ in security.UNSERVABLE),
    *((security.ACCESS, security.deny(security.to(paths=[path])), {}) for path in security.UNSERVABLE_PATHS),
    *(("VirtualService", spec, {}) for spec, _ in routing.UNSERVABLE_ROUTES),
]
"""The listed differences: where one is gone, its line in docs/differences.md goes, too."""


@pytest.fixture(scope="module")
def admission() -> Admission:
    return Admission(CEL_RULES)


def said_by_istio(rows: Iterable[Row], folder: Path) -> dict[int, set[str]]:
    """What `istioctl validate` has against each, by its number."""
    documents = [
        {
            "apiVersion": f"{GROUPS[kind].group}/v1",
            "kind": kind,
            "metadata": {"name": f"x{number}x", "namespace": NAMESPACE, "annotations": annotations},
            "spec": spec,
        }
        for number, (kind, spec, annotations) in enumerate(rows)
    ]
    file = folder / "rows.yaml"
    file.write_text("\n---\n".join(map(json.dumps, documents)))
    command: list[str | Path] = [bundle() / "bin" / "istioctl", "validate", "-f", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found: defaultdict[int, set[str]] = defaultdict(set)
    # Warnings come before.
    for line in f"\n{done.stderr}".partition("\nError: ")[2].split("\n\t* "):
        if match := re.match(rf"\w+/{NAMESPACE}/x(\d+)x: (.*)", line.strip(), re.DOTALL):
            found[int(match[1])].add(match[2].replace(f"x{match[1]}x", "x"))
    return found


def test_what_is_refused_is_refused_by_istio_in_the_same_words(admission: Admission, tmp_path: Path) -> None:
    rows = [row for row in BY_ISTIO if WEBHOOK in admission.refusal(*row)]
    assert len(rows) > 200
    said = said_by_istio(rows, tmp_path)
    for number, row in enumerate(rows):
        assert blamed(Answer(400, admission.refusal(*row))) == blamed(_as_one(said[number])), row


def _as_one(problems: set[str]) -> Answer:
    return Answer(400, f"{len(problems)} errors occurred:" + "".join(f"\n\t* {each}" for each in problems))


@pytest.mark.parametrize("rows", [BY_NOBODY, BY_THE_REFERENCE], ids=["accepted", "refused by the reference"])
def test_what_istio_accepts(rows: list[Row], tmp_path: Path) -> None:
    assert said_by_istio(rows, tmp_path) == {}
