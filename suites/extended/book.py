"""The requirements of the extended suite, and the steps that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fixtures.model.expectation import Expectation
from fixtures.model.requirement import load
from fixtures.model.step import Step

REQUIREMENTS = load(Path(__file__).with_name("requirements.toml"))


def shown(requirement: str, step: str, expect: Sequence[Expectation], features: Sequence[str] = ()) -> Step:
    """A step that shows a requirement. Its policies are in a file of its own, named after it."""
    needed = REQUIREMENTS[requirement]
    folder = needed.area.lower().replace(" ", "-")
    return Step(
        step,
        section=needed.section,
        requirement=needed,
        manifests=[f"extended/{folder}/{step}.yaml"],
        features=features,
        expect=expect,
    )
