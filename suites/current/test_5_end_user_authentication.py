"""End-user authentication: tokens at the ingress, in both configuration APIs.

Each step is in both of them at once. Grids have tokens as rows (`fixtures/tokens/named_tokens.py` says what
each is) and paths as columns.
"""

from __future__ import annotations

from fixtures.expectations import Answered, GatewayProgrammed, at_each_ingress
from fixtures.model.step import Loop, Step
from fixtures.playground.playground import IN_MESH
from suites.current.end_user import END_USER, in_both_apis
from suites.current.features import REQUEST_AUTHENTICATION

EXPOSED = in_both_apis("httpbin-gateway.yaml")

# "To observe other aspects of JWT validation, use the script [...]"
OTHER_ASPECTS = "generate new tokens to test with different issuer, audiences, expiry date, etc."

VALIDATES = (
    "Istio validates the token using the public key set, and rejects requests if the bearer token is "
    "invalid. However, requests without tokens are accepted."
)

JWT_EXAMPLE = Step(
    "jwt-example",
    section=END_USER,
    manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml"),
    quote="If you provide a token in the authorization header, its implicitly default location, Istio "
    "validates the token using the public key set, and rejects requests if the bearer token is invalid. "
    "However, requests without tokens are accepted.",
    features=REQUEST_AUTHENTICATION,
    expect=[
        *at_each_ingress(
            """
                        /headers    POST:/post
            none        200         200
            deadbeef    401         401
            basic       200         200
            valid       200         200
            """,
        ),
        *(
            Answered(
                (client,),
                "http://httpbin.foo:8000/headers",
                "200",
                token="deadbeef",
                test="policy-is-for-the-gateway-alone",
                label=client,
                asks="It is a policy for the ingress gateway: what does not come through it is not asked "
                "for a token.",
            )
            for client in IN_MESH
        ),
    ],
)

LOOP = Loop(JWT_EXAMPLE, pause_s=10)

STEPS = [
    Step(
        "programmed",
        section=END_USER,
        manifests=EXPOSED,
        quote="kubectl wait --for=condition=programmed gtw -n foo httpbin-gateway",
        features=REQUEST_AUTHENTICATION,
        expect=[
            GatewayProgrammed(
                label="gateway-api",
                asks="`kubectl wait --for=condition=programmed`, and then `.status.addresses[0].value` is "
                "there.",
            )
        ],
    ),
    Step(
        "exposed",
        section=END_USER,
        manifests=EXPOSED,
        quote="expose httpbin.foo via an ingress gateway",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                        /headers    /ip
            none        200         200
            deadbeef    200         200
            """,
        ),
    ),
    Step(
        "key-set-inline",
        section=END_USER,
        manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example-inline.yaml"),
        quote=VALIDATES,
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                            /headers
            none            200
            deadbeef        401
            strangers-key   401
            valid           200
            """,
        ),
    ),
    # Without the keys no token can be valid, and a request without a token still needs none.
    Step(
        "key-set-unreachable",
        section=END_USER,
        manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example-unreachable.yaml"),
        quote=VALIDATES,
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                            /headers
            none            200
            deadbeef        401
            valid           401
            """,
        ),
    ),
    Step(
        "one-audience",
        section=END_USER,
        manifests=in_both_apis("httpbin-gateway.yaml", "jwt-example-audience.yaml"),
        quote=OTHER_ASPECTS,
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                            /headers
            none            200
            valid           403
            right-audience  200
            any-audience    403
            """,
        ),
    ),
    JWT_EXAMPLE,
    Step(
        "other-tokens",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote=f"The JWT must correspond to the JWKS endpoint [...] {OTHER_ASPECTS}",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                            /headers
            other-issuer    401
            strangers-key   401
            unknown-kid     401
            not-signed      401
            public-secret   401
            any-audience    200
            """,
        ),
    ),
    Step(
        "clock-skew",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote="the JWT token will become valid 60 seconds earlier than its configured nbf and remain valid "
        "60 seconds after its configured exp.",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                            /headers
            exp-55-ago      200
            exp-59-ago      200
            exp-61-ago      401
            exp-65-ago      401
            nbf-in-55       200
            nbf-in-59       200
            nbf-in-62       401
            nbf-in-65       401
            """,
            clock_skew=60,
        ),
    ),
    # The ten requests of the documented loop, 10 s apart: the token expires 5 s after the first. Here they
    # are ten tokens at one instant, each as old as the documented one would be.
    Step(
        "ten-samples",
        section=END_USER,
        manifests=JWT_EXAMPLE.manifests,
        quote="Istio authenticates requests using that token successfully at first but rejects them after 65 "
        "seconds",
        features=REQUEST_AUTHENTICATION,
        expect=at_each_ingress(
            """
                        /headers
            after-0     200
            after-10    200
            after-20    200
            after-30    200
            after-40    200
            after-50    200
            after-60    200
            after-70    401
            after-80    401
            after-90    401
            """,
            clock_skew=60,
        ),
    ),
]
