"""The steps of the document's second half, at the ingress, in its order.

Each is the complete set of policies in force, in both configuration APIs at once. Grids have tokens as rows
(`fixtures/named_tokens.py` says what each is) and paths as columns.
"""

from __future__ import annotations

from fixtures.adaptation import CONFIG_APIS
from fixtures.step import Step


def in_both_apis(*files: str) -> list[str]:
    """The manifests of these names, of each configuration API."""
    return [f"current/{api}/{file}" for api in CONFIG_APIS for file in files]


EXPOSED = Step(
    "exposed",
    "End-user authentication",
    *in_both_apis("httpbin-gateway.yaml"),
    says="Expose httpbin.foo via an ingress gateway.",
    grid="""
                    /headers    /ip
        none        200         200
        deadbeef    200         200
    """,
)

PROGRAMMED = Step(
    "programmed",
    "End-user authentication",
    *EXPOSED.manifests,
    says="kubectl wait --for=condition=programmed gtw -n foo httpbin-gateway. Then its first address is that "
    "of the ingress.",
    grid="""
                    /headers
        none        200
    """,
)

JWT = Step(
    "jwt-example",
    "End-user authentication",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml"),
    says="If you provide a token in the authorization header, Istio validates the token using the public "
    "key set, and rejects requests if the bearer token is invalid. However, requests without tokens are "
    "accepted.",
    grid="""
                    /headers
        none        200
        deadbeef    401
        valid       200
    """,
)

JWT_FOR_GATEWAY = Step(
    "jwt-for-the-gateway",
    "End-user authentication",
    *JWT.manifests,
    says="Apply the policy in the namespace of the workload it selects, the ingress gateway in this case.",
    grid="""
                    /headers
        deadbeef    401
    """,
)

# "Generate new tokens to test with different issuer, audiences, expiry date, etc."
OTHER_TOKENS = Step(
    "other-tokens",
    "End-user authentication",
    *JWT.manifests,
    says="The JWT must correspond to the JWKS endpoint. Generate new tokens to test with different issuer, "
    "audiences, expiry date, etc.",
    grid="""
                        /headers
        other-issuer    401
        strangers-key   401
        unknown-kid     401
        not-signed      401
        public-secret   401
        any-audience    200
    """,
)

# "The JWT token will become valid 60 seconds earlier than its configured nbf and remain valid 60 seconds
# after its configured exp."
TIMES = Step(
    "clock-skew",
    "End-user authentication",
    *JWT.manifests,
    says="The JWT token will become valid 60 seconds earlier than its configured nbf and remain valid 60 "
    "seconds after its configured exp.",
    grid="""
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
)

# The ten requests of the documented loop, 10 s apart: the token expires 5 s after the first. Here they are
# ten tokens at one instant, each as old as the documented one would be.
TEN_SAMPLES = Step(
    "ten-samples",
    "End-user authentication",
    *JWT.manifests,
    says="Istio authenticates requests using that token successfully at first but rejects them after 65 "
    "seconds.",
    grid="""
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
)

KEY_SET_INLINE = Step(
    "key-set-inline",
    "End-user authentication",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example-inline.yaml"),
    says=JWT.says,
    grid="""
                        /headers
        none            200
        deadbeef        401
        strangers-key   401
        valid           200
    """,
)

# Without the keys no token can be valid, and a request without a token still needs none.
KEY_SET_UNREACHABLE = Step(
    "key-set-unreachable",
    "End-user authentication",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example-unreachable.yaml"),
    says="Istio validates the token using the public key set, and rejects requests if the bearer token is "
    "invalid. However, requests without tokens are accepted.",
    grid="""
                        /headers
        none            200
        deadbeef        401
        valid           401
    """,
)

ONE_AUDIENCE = Step(
    "one-audience",
    "End-user authentication",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example-audience.yaml"),
    says="Generate new tokens to test with different issuer, audiences, expiry date, etc.",
    grid="""
                        /headers
        none            200
        valid           403
        right-audience  200
        any-audience    403
    """,
)

REQUIRED = Step(
    "require-a-valid-token",
    "Require a valid token",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml", "require-token.yaml"),
    says="Request principals are available only when valid JWT tokens are provided. The rule therefore "
    "denies requests without valid tokens.",
    grid="""
                    /headers    /ip
        none        403         403
        deadbeef    401         401
        valid       200         200
    """,
)

REQUIRED_PER_PATH = Step(
    "require-valid-tokens-per-path",
    "Require valid tokens per-path",
    *in_both_apis("httpbin-gateway.yaml", "jwt-example.yaml", "require-token-on-headers.yaml"),
    says="When this authorization rule takes effect, requests to /headers fail with the error code 403. "
    "Requests to all other paths succeed.",
    # httpbin has no /headers/more: its 404 says that the request was let through.
    grid="""
                    /headers    /headers?a=b    /headers/more   /ip
        none        403         403             404             200
        deadbeef    401         401             401             401
        valid       200         200             404             200
    """,
)

# Without the request authentication nobody has a principal, so that the rule denies every token.
CLEANUP_3_AUTHENTICATION = Step(
    "cleanup-3-authentication",
    "Cleanup part 3",
    *in_both_apis("httpbin-gateway.yaml", "require-token-on-headers.yaml"),
    says="Remove authentication policy.",
    grid="""
                    /headers    /ip
        none        403         200
        deadbeef    403         200
        valid       403         200
    """,
)

CLEANUP_3 = Step(
    "cleanup-3",
    "Cleanup part 3",
    *in_both_apis("httpbin-gateway.yaml"),
    says="Remove authorization policy.",
    grid="""
                    /headers    /ip
        none        200         200
        deadbeef    200         200
        valid       200         200
    """,
)
