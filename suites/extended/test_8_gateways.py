"""Gateways of both configuration APIs: what is decided there, and what at the workloads behind them."""

from __future__ import annotations

from fixtures.expectations import Answers, Reachability, Requests, at_each_ingress
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.model.expectation import Expectation
from fixtures.model.step import Step
from suites.extended.book import AT_AN_INGRESS, REQUIREMENTS, shown

GATEWAYS = [f"current/{api}/httpbin-gateway.yaml" for api in CONFIG_APIS]


def at_gateways(requirement: str, step: str, *expect: Expectation, own: str = "") -> Step:
    """With policies for each configuration API, at the documents' gateways or at their ``own``."""
    needed = REQUIREMENTS[requirement]
    return Step(
        step,
        section=needed.section,
        requirement=needed,
        manifests=[
            *(GATEWAYS if not own else ()),
            *(f"extended/gateways/{api}/{own or step}.yaml" for api in CONFIG_APIS),
        ],
        features=AT_AN_INGRESS,
        expect=expect,
    )


STEPS = [
    shown(
        "gateways-take-plain-text",
        "strict",
        (*AT_AN_INGRESS, "peer-authentication"),
        Reachability("""
                    foo     bar
            bar     200     200
            legacy  000/56  000/56
        """),
        *at_each_ingress(
            """
                    /ip     /headers
            none    200     200
            """,
            shows=False,
        ),
        beside=GATEWAYS,
    ),
    shown(
        "gateways-have-an-identity",
        "identity",
        AT_AN_INGRESS,
        Reachability("""
                    foo     another.foo
            bar     200     200
            legacy  403     200
        """),
        *at_each_ingress(
            """
                    /ip
            none    200
            """,
            shows=False,
        ),
        beside=GATEWAYS,
    ),
    at_gateways(
        "tokens-end-at-the-gateway",
        "token-ends",
        *at_each_ingress("""
                        /ip
            none        403
            deadbeef    401
            valid       403
        """),
    ),
    at_gateways(
        "tokens-go-on",
        "token-goes-on",
        *at_each_ingress("""
                        /ip
            none        403
            deadbeef    401
            valid       200
        """),
    ),
    at_gateways(
        "requests-as-they-are-there",
        "rewritten",
        *at_each_ingress("""
                  /outside/x  /anything/x  /outside/denied  /outside/level  /high/level  /high/x{x-level:high}
            none  200         403          403              403             200          403
        """),
        own="rewritten",
    ),
    at_gateways(
        "routes-of-their-gateway",
        "several-hosts",
        *at_each_ingress("""
                    a.example.com/ip    b.example.com/ip    c.example.com/ip    d.example.com/ip
            none    200                 200                 404                 404
        """),
        own="several-hosts",
    ),
    at_gateways(
        "policy-of-one-host",
        "policy-of-one-host",
        *at_each_ingress("""
                    a.example.com/headers   b.example.com/headers   A.example.com/headers   a.example.com/ip
            none    403                     200                     403                     200
        """),
        own="several-hosts",
    ),
    at_gateways(
        "policies-where-the-gateway-is",
        "of-others",
        *at_each_ingress("""
                    /ip     /get    /headers
            none    200     200     403
        """),
    ),
    shown(
        "policies-without-selector",
        "without-selector",
        AT_AN_INGRESS,
        Answers(
            """
                    /ip     /headers    /get
            none    200     403         200
            """,
            api="istio",
            label="istio-{step}",
        ),
        Answers(
            """
                    /ip     /headers    /get
            none    403     403         200
            """,
            api="gateway-api",
            label="gateway-api-{step}",
        ),
        Requests("""
                    /ip     /headers    bar/headers     bar/ip
            bar     200     403         403             200
            legacy  403     403         403             200
        """),
        beside=GATEWAYS,
    ),
    at_gateways(
        "forged-addresses",
        "addresses",
        *at_each_ingress("""
                    /headers    /ip{X-Forwarded-For:192.0.2.1}  /get{X-Forwarded-For:192.0.2.1}
            none    403         200                             200
        """),
    ),
]
