"""Transitions: what clients that ask without pause are answered while policies, keys and pods change."""

from __future__ import annotations

from fixtures.expectations import (
    AnsweredWithoutPause,
    BecomesReady,
    Phase,
    Reachability,
    ReachedWithoutPause,
)
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.model.step import Step
from fixtures.proving.look import Workload
from suites.extended.book import AT_AN_INGRESS, REQUIREMENTS, shown
from suites.grids import LEGACY_REFUSED_BY_FOO

PEER_AUTHENTICATION = ("peer-authentication",)


def at_each_ingress(requirement: str, step: str, grid: str, policies: dict[str, str]) -> Step:
    """A step that is the first phase of a walk at the ingress of each configuration API.

    ``policies`` are the phases, the columns of the grid, each with the name of its policies.
    """
    needed = REQUIREMENTS[requirement]
    phases = tuple(Phase(name, _at_each_ingress(file)) for name, file in policies.items())
    return Step(
        step,
        section=needed.section,
        requirement=needed,
        manifests=phases[0].manifests,
        features=AT_AN_INGRESS,
        expect=[AnsweredWithoutPause(grid, phases, api=api, label=f"{api}-{{step}}") for api in CONFIG_APIS],
    )


def _at_each_ingress(file: str) -> tuple[str, ...]:
    return tuple(
        name
        for api in CONFIG_APIS
        for name in (f"current/{api}/httpbin-gateway.yaml", f"extended/transitions/{api}/{file}.yaml")
    )


STEPS = [
    shown(
        "strict-comes-and-goes",
        "permissive-strict-permissive",
        PEER_AUTHENTICATION,
        ReachedWithoutPause(
            """
                        permissive  strict  permissive-again
            bar-foo     200         200     200
            legacy-foo  200         000/56  200
            legacy-bar  200         200     200
            """,
            (
                Phase("permissive", ("extended/transitions/permissive.yaml",)),
                Phase("strict", ("extended/transitions/strict.yaml",)),
                Phase("permissive-again", ("extended/transitions/permissive.yaml",)),
            ),
        ),
        policies="permissive",
    ),
    at_each_ingress(
        "token-rule-comes-and-goes",
        "token-rule-on-and-off",
        """
                    not-asked-for   asked-for   not-asked-for-again
        none        200             403         200
        valid       200             200         200
        deadbeef    401             401         401
        """,
        {
            "not-asked-for": "tokens",
            "asked-for": "tokens-required",
            "not-asked-for-again": "tokens",
        },
    ),
    at_each_ingress(
        "keys-are-changed",
        "old-key-to-next-key",
        """
                    old-key     both-keys   next-key
        none        200         200         200
        valid       200         200         401
        another-key 401         200         200
        """,
        {"old-key": "tokens", "both-keys": "both-keys", "next-key": "next-key"},
    ),
    shown(
        "disabled-comes-and-goes",
        "disabled-permissive-disabled",
        PEER_AUTHENTICATION,
        ReachedWithoutPause(
            """
                        disabled    permissive  disabled-again
            foo-foo     200         200         200
            bar-foo     200         200         200
            legacy-foo  200         200         200
            """,
            (
                Phase("disabled", ("extended/transitions/disabled.yaml",)),
                Phase("permissive", ("extended/transitions/permissive.yaml",)),
                Phase("disabled-again", ("extended/transitions/disabled.yaml",)),
            ),
            meanwhile=("503",),
        ),
        policies="disabled",
    ),
    shown(
        "one-pod-of-two-is-replaced",
        "one-of-two-pods",
        PEER_AUTHENTICATION,
        ReachedWithoutPause(
            """
                            two-pods    one-replaced
            foo-steady.bar  200         200
            bar-steady.bar  200         200
            """,
            (
                Phase("two-pods", ("extended/transitions/strict-bar.yaml",)),
                Phase("one-replaced", replaces="steady.bar"),
            ),
            beside=(Workload("extended/transitions/steady.yaml", "bar"),),
        ),
        policies="strict-bar",
    ),
    shown(
        "the-only-pod-is-replaced",
        "the-only-pod",
        PEER_AUTHENTICATION,
        ReachedWithoutPause(
            """
                        one-pod     replaced
            bar-foo     200         200
            """,
            (
                Phase("one-pod", ("extended/transitions/strict.yaml",)),
                Phase("replaced", replaces="foo"),
            ),
            # httpbin does not end in order: an answer that is on its way may be cut off in its body.
            meanwhile=("503", "200/18"),
        ),
        policies="strict",
    ),
    shown(
        "probes-are-answered",
        "probed-by-the-kubelet",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_FOO),
        BecomesReady("extended/transitions/steady.yaml", "foo"),
        policies="strict",
    ),
]
