"""Gateways of the Gateway API: what is attached to them, and what is not."""

from __future__ import annotations

from fixtures.expectations import Answers, Requests
from fixtures.expectations.grid_look import GridLook
from fixtures.model.step import Step
from suites.extended.book import shown

AUTHORIZATION = ("request-authentication",)
GATEWAY = "current/gateway-api/httpbin-gateway.yaml"


def at_the_gateway(requirement: str, step: str, *expect: GridLook, policies: str = "") -> Step:
    """The documents' gateway with policies of this area, or with one of its own that stands with these."""
    own = [] if policies == "routes" else [GATEWAY]
    return shown(
        requirement, step, AUTHORIZATION, *expect, policies=f"gateway-api/{policies or step}", beside=own
    )


STEPS = [
    at_the_gateway(
        "routes-of-other-namespaces",
        "routes-of-other-namespaces",
        Answers(
            """
                    /ip     /get
            none    200     404
            """,
            api="gateway-api",
        ),
        policies="routes",
    ),
    at_the_gateway(
        "backends-of-other-namespaces",
        "backends-of-other-namespaces",
        Answers(
            """
                    /ip     /headers
            none    200     500
            """,
            api="gateway-api",
        ),
        policies="routes",
    ),
    at_the_gateway(
        "target-is-the-gateway-alone",
        "target",
        Answers(
            """
                    /ip     /headers
            none    403     403
            """,
            api="gateway-api",
        ),
        Requests(
            """
                    /ip     another.foo/ip
            bar     200     200
            legacy  200     200
            """,
            shows=False,
        ),
    ),
    at_the_gateway(
        "selectors-choose-gateways",
        "labels",
        Answers(
            """
                    /ip     /headers
            none    200     403
            """,
            api="gateway-api",
        ),
        Requests(
            """
                    /headers
            bar     200
            """,
            shows=False,
        ),
    ),
    # A token that the gateway has checked does not go on: that shows who has.
    at_the_gateway(
        "tokens-of-the-namespace",
        "tokens",
        Answers(
            """
                        /ip
            none        403
            deadbeef    401
            valid       403
            """,
            api="gateway-api",
        ),
        Requests("""
                        /ip     another.foo/ip
            none        403     200
            deadbeef    401     401
            valid       200     200
        """),
    ),
]
