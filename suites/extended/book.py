"""The requirements of the extended suite, and the steps that show them."""

from __future__ import annotations

from collections.abc import Sequence

from fixtures.expectations import at_each_ingress
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.model.expectation import Expectation
from fixtures.model.requirement import FOLDER, load, slug
from fixtures.model.step import Step

REQUIREMENTS = load(FOLDER)

AT_AN_INGRESS = ("request-authentication",)


def shown(
    requirement: str,
    step: str,
    features: Sequence[str],
    *expect: Expectation,
    policies: str = "",
    beside: Sequence[str] = (),
    by_age: bool = False,
) -> Step:
    """A step that shows a requirement. Its policies are in a file of its area, named so or ``policies``.

    ``beside`` are other files of ``manifests/``, which are applied before. `Step` says what ``by_age`` is.
    """
    needed = REQUIREMENTS[requirement]
    manifests = [*beside, f"extended/{slug(needed.area)}/{policies or step}.yaml"]
    return Step(
        step,
        section=needed.section,
        requirement=needed,
        manifests=manifests,
        features=features,
        expect=expect,
        by_age=by_age,
    )


def shown_at_each_ingress(
    requirement: str, step: str, grid: str, *expect: Expectation, policies: str = ""
) -> Step:
    """The same for policies of gateways, of which there is a file for each configuration API.

    Rows of the grid are tokens (`fixtures/tokens/named_tokens.py` says what each is), columns are paths.
    """
    needed = REQUIREMENTS[requirement]
    manifests = [
        name
        for api in CONFIG_APIS
        for name in (
            f"current/{api}/httpbin-gateway.yaml",
            f"extended/{slug(needed.area)}/{api}/{policies or step}.yaml",
        )
    ]
    return Step(
        step,
        section=needed.section,
        requirement=needed,
        manifests=manifests,
        features=AT_AN_INGRESS,
        expect=[*at_each_ingress(grid), *expect],
    )
