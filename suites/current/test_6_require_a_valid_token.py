"""Require a valid token, also per path; the documented loop in real time; and Cleanup part 3."""

from __future__ import annotations

from fixtures.expectations import Answers, RefusalText, TokenExpires, at_each_ingress
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from suites.current.end_user import END_USER, in_both_apis
from suites.current.features import REQUEST_AUTHENTICATION
from suites.current.test_5_end_user_authentication import JWT_EXAMPLE, LOOP

CLEANUP_3 = CURRENT.section("Cleanup part 3")


DENIALS = [RefusalText("RBAC: access denied", api=api, label=f"{api}-{{step}}") for api in CONFIG_APIS]
"""At each ingress, a denial says that it is one."""

STEPS = [
    Step(
        "require-a-valid-token",
        section=CURRENT.section("Require a valid token"),
        manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml", "require-token.yaml"),
        quote="Request principals are available only when valid JWT tokens are provided. The rule therefore "
        "denies requests without valid tokens.",
        features=REQUEST_AUTHENTICATION,
        beside=LOOP,
        expect=[
            *at_each_ingress(
                """
                            /headers    /ip     POST:/post
                none        403         403     403
                deadbeef    401         401     401
                basic       403         403     403
                valid       200         200     200
                """,
            ),
            *DENIALS,
        ],
    ),
    Step(
        "require-valid-tokens-per-path",
        section=CURRENT.section("Require valid tokens per-path"),
        manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml", "require-token-on-headers.yaml"),
        quote="When this authorization rule takes effect, requests to $INGRESS_HOST:$INGRESS_PORT/headers "
        "fail with the error code 403. Requests to all other paths succeed",
        features=REQUEST_AUTHENTICATION,
        beside=LOOP,
        expect=[
            # httpbin has no /headers/more: its 404 says that the request was let through.
            *at_each_ingress(
                """
                            /headers    /headers?a=b    /headers/more   /ip
                none        403         403             404             200
                deadbeef    401         401             401             401
                valid       200         200             404             200
                """,
            ),
            # httpbin takes no POST for /headers: its 405 says that the request was let through.
            *at_each_ingress(
                """
                            POST:/headers   /%68eaders
                none        403             403
                valid       405             200
                """,
                test="other-ways-to-ask-for-it",
                shows=False,
            ),
            *at_each_ingress(
                """
                            /headers/   /HEADERS    /more/headers   POST:/post
                none        404         404         404             200
                """,
                test="paths-that-look-like-it",
                shows=False,
            ),
            *DENIALS,
        ],
    ),
    Step(
        "tokens-per-host-and-method",
        section=CURRENT.section("Require valid tokens per-path"),
        manifests=in_both_apis(
            "httpbin-gateway.yaml",
            "another-service.yaml",
            "jwt-example.yaml",
            "require-token-per-host-and-method.yaml",
        ),
        quote="To refine authorization with a token requirement per host, path, or method",
        features=REQUEST_AUTHENTICATION,
        beside=LOOP,
        expect=at_each_ingress(
            """
                        /headers    another.example.com/headers     POST:/post
            none        200         403                             403
            deadbeef    401         401                             401
            valid       200         200                             200
            """,
        ),
    ),
    Step(
        "token-that-expires",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote="Istio authenticates requests using that token successfully at first but rejects them after 65 "
        "seconds",
        features=REQUEST_AUTHENTICATION,
        beside=LOOP,
        expect=[TokenExpires(LOOP, (7,), api=api, label=api, clock_skew=60) for api in CONFIG_APIS],
    ),
    # Without the request authentication nobody has a principal, so that the rule denies every token.
    Step(
        "cleanup-3-authentication",
        section=CLEANUP_3,
        manifests=in_both_apis("httpbin-gateway.yaml", "require-token-on-headers.yaml"),
        quote="Remove authentication policy",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                        /headers    /ip
            none        403         200
            deadbeef    403         200
            valid       403         200
            """,
            test="cleanup",
        ),
    ),
    Step(
        "cleanup-3",
        section=CLEANUP_3,
        manifests=in_both_apis("httpbin-gateway.yaml"),
        quote="Remove authorization policy",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                        /headers    /ip
            none        200         200
            deadbeef    200         200
            valid       200         200
            """,
            test="cleanup",
        ),
    ),
    # Of one gateway, and of all services: where the walk through the document has ended.
    *(
        Step(
            f"{api}-gateway-only",
            section=END_USER,
            manifests=[
                *in_both_apis("httpbin-gateway.yaml"),
                f"current/{api}/jwt-example.yaml",
                f"current/{api}/require-token.yaml",
            ],
            quote="Apply the policy in the namespace of the workload it selects, the ingress gateway in this "
            "case.",
            features=REQUEST_AUTHENTICATION,
            expect=[
                Answers(
                    """
                                /headers
                    none        403
                    deadbeef    401
                    valid       200
                    """,
                    api=api,
                ),
                Answers(
                    """
                                /headers
                    none        200
                    deadbeef    200
                    """,
                    api=other,
                    beside=api,
                    test="another-gateway",
                    asks="It is a policy for the gateway that it selects: what comes in by another one is "
                    "not asked for a token.",
                ),
            ],
        )
        for api, other in (CONFIG_APIS, CONFIG_APIS[::-1])
    ),
    Step(
        "all-services",
        section=END_USER,
        manifests=in_both_apis(
            "httpbin-gateway.yaml", "another-service.yaml", "jwt-example.yaml", "require-token.yaml"
        ),
        quote="This is often used to define a JWT policy for all services bound to the gateway, instead of "
        "for individual services.",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                        /headers    another.example.com/headers
            none        403         403
            deadbeef    401         401
            valid       200         200
            """,
        ),
    ),
]
