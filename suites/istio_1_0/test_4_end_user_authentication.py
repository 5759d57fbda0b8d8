"""End-user authentication: tokens at the ingress, and among the pods."""

from __future__ import annotations

from fixtures.expectations import Answers, Reachability, RefusalText, TokenExpires
from fixtures.model.document import ISTIO_1_0
from fixtures.model.step import Loop, Step
from suites.grids import ALL_REACHABLE, others
from suites.istio_1_0.end_user import EXPOSED, OPEN_TO_ALL, TOKEN_REQUIRED

END_USER = ISTIO_1_0.section("End-user authentication")

# Of Istio 1.0; the document shows no body.
REFUSED = "Origin authentication failed."
SAYS_WHY = "The answer comes from the proxy, and says why."

AFTER_5_SECONDS = (
    "Istio authenticates requests using that token successfully at first but rejects them after 5 seconds"
)
OTHER_ASPECTS = "generate new tokens to test with different issuer, audiences, expiry date, etc."

JWT_EXAMPLE = Step(
    "jwt-example",
    section=END_USER,
    manifests=[*EXPOSED, "istio-1.0/jwt-example.yaml"],
    quote="add a policy that requires end-user JWT for httpbin.foo. [...] The same curl command from before "
    "will return with 401 error code, as a result of server is expecting JWT but none was provided: [...] "
    "Attaching the valid token generated above returns success",
    expect=[
        Answers(TOKEN_REQUIRED),
        RefusalText(REFUSED, token="none", label="none", asks=SAYS_WHY),
        RefusalText(REFUSED, token="deadbeef", label="deadbeef", asks=SAYS_WHY),
        Reachability(
            """
                    foo     bar     legacy
            foo     401     200     200
            bar     401     200     200
            legacy  401     200     200
            """,
            test="reachability-without-token",
            label="",
            asks="A policy that requires end-user JWT for httpbin.foo, whoever asks.",
        ),
        Reachability(ALL_REACHABLE, token="valid", test="reachability-with-token", label=""),
        others(
            """
                    another.foo     foo:8001
            foo     200             401
            bar     200             401
            legacy  200             401
            """,
            asks="A policy that requires end-user JWT for httpbin.foo: on all its ports, and nowhere else.",
        ),
    ],
)

LOOP = Loop(JWT_EXAMPLE, pause_s=1)

STEPS = [
    Step(
        "exposed",
        section=END_USER,
        manifests=EXPOSED,
        quote="expose httpbin.foo via ingressgateway [...] And run a test query",
        expect=[Answers(OPEN_TO_ALL, test="exposed", label="")],
    ),
    JWT_EXAMPLE,
    # Istio 1.0 takes a token until the end of the second that exp names, and none without exp.
    Step(
        "other-tokens",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote=f"The JWT must correspond to the JWKS endpoint [...] {OTHER_ASPECTS}",
        beside=LOOP,
        expect=[
            Answers(
                """
                                /headers
                other-issuer    401
                strangers-key   401
                unknown-kid     401
                any-audience    200
                exp-in-3        200
                exp-2-ago       401
                no-exp          401
                """,
                clock_skew=0,
            ),
            RefusalText(REFUSED, token="exp-2-ago", label="exp-2-ago", asks=SAYS_WHY, clock_skew=0),
        ],
    ),
    # The ten requests of the documented loop, a second apart: the token expires 5 s after the first. Here
    # they are tokens at one instant, but for the two beside the boundary, which may fall either way.
    Step(
        "ten-samples",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote=AFTER_5_SECONDS,
        beside=LOOP,
        expect=[
            Answers(
                """
                            /headers
                after-0     200
                after-1     200
                after-2     200
                after-3     200
                after-6     401
                after-7     401
                after-8     401
                after-9     401
                """,
                clock_skew=0,
            )
        ],
    ),
    # One answer on either side of the boundary may fall either way, as tokens count whole seconds.
    Step(
        "token-that-expires",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote=AFTER_5_SECONDS,
        beside=LOOP,
        expect=[TokenExpires(LOOP, (5, 4, 6), label="", clock_skew=0)],
    ),
    # In Istio 1.0 a token for somebody else is not authenticated; only later versions answer 403.
    Step(
        "one-audience",
        section=END_USER,
        manifests=[*EXPOSED, "istio-1.0/jwt-example-audience.yaml"],
        quote=OTHER_ASPECTS,
        expect=[
            Answers(
                """
                                /headers
                none            401
                valid           401
                right-audience  200
                any-audience    401
                """,
                test="answers-with-other-policies",
            )
        ],
    ),
    Step(
        "jwt-at-gateway",
        section=END_USER,
        manifests=[*EXPOSED, "istio-1.0/jwt-at-gateway.yaml"],
        quote="You can add a JWT policy on istio-ingressgateway. This is often used to define JWT policies "
        "that apply at the gateway, instead of for individual services.",
        expect=[
            Answers(TOKEN_REQUIRED, test="answers-with-other-policies"),
            Reachability(ALL_REACHABLE, test="reachability-with-policy-at-gateway", label=""),
        ],
    ),
]
