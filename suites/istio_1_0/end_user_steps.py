"""The steps of the document's second half, in its order: each the complete set of policies in force.

At the ingress, grids have tokens as rows (`fixtures/named_tokens.py` says what each is) and paths as columns.
Among the pods they have clients as rows and servers as columns, as in `steps.py`.

Slips of the document, and what is done instead:

- `$TOKEN` of "the test command above will still work" and of the requests after it is the one that expired
  5 s after it was made. "Given the correct token" needs one that has not.
- "Use istio create" means istioctl. `kubectl apply` serves both a policy that is there and one that is not.
- Cleanup part 3 deletes `policy jwt-example` and `policy httpbin` in the namespace `default`. Both are in
  foo, and the second is a destination rule: typed as printed, neither is found, and both stay in force. Here
  they are deleted.
"""

from __future__ import annotations

from fixtures.step import Step
from suites.grids import ALL_REACHABLE, LEGACY_REFUSED_BY_FOO
from suites.istio_1_0.steps import ALL_CLIENTS_MUTUAL, MESH_WIDE_RULE

END_USER = "End-user authentication"
WITH_MUTUAL_TLS = "End-user authentication with mutual TLS"

OPEN_TO_ALL = """
                    /headers    /ip
        none        200         200
        deadbeef    200         200
        valid       200         200
"""

TOKEN_REQUIRED = """
                    /headers    /ip
        none        401         401
        deadbeef    401         401
        valid       200         200
"""

EXPOSED = Step(
    "exposed",
    END_USER,
    "istio-1.0/httpbin-gateway.yaml",
    says="Expose httpbin.foo via ingressgateway.",
    grid=OPEN_TO_ALL,
)

JWT = Step(
    "jwt-example",
    END_USER,
    *EXPOSED.manifests,
    "istio-1.0/jwt-example.yaml",
    says="The same curl command from before will return with 401 error code, as a result of server is "
    "expecting JWT but none was provided. Attaching the valid token returns success.",
    grid=TOKEN_REQUIRED,
)

# "Generate new tokens to test with different issuer, audiences, expiry date, etc." Istio 1.0 takes a token
# until the end of the second that exp names, and none without exp.
OTHER_TOKENS = Step(
    "other-tokens",
    END_USER,
    *JWT.manifests,
    says="The JWT must correspond to the JWKS endpoint. Generate new tokens to test with different issuer, "
    "audiences, expiry date, etc.",
    grid="""
                        /headers
        other-issuer    401
        strangers-key   401
        unknown-kid     401
        any-audience    200
        exp-in-3        200
        exp-2-ago       401
        no-exp          401
    """,
)

# The ten requests of the documented loop, a second apart: the token expires 5 s after the first. Here they
# are tokens at one instant, but for the two beside the boundary, which may fall either way.
TEN_SAMPLES = Step(
    "ten-samples",
    END_USER,
    *JWT.manifests,
    says="Istio authenticates requests using that token successfully at first but rejects them after 5 "
    "seconds.",
    grid="""
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
)

# In Istio 1.0 a token for somebody else is not authenticated; only later versions answer 403.
ONE_AUDIENCE = Step(
    "one-audience",
    END_USER,
    *EXPOSED.manifests,
    "istio-1.0/jwt-example-audience.yaml",
    says="Generate new tokens to test with different issuer, audiences, expiry date, etc.",
    grid="""
                        /headers
        none            401
        valid           401
        right-audience  200
        any-audience    401
    """,
)

# "You can add a JWT policy on istio-ingressgateway."
JWT_AT_GATEWAY = Step(
    "jwt-at-gateway",
    END_USER,
    *EXPOSED.manifests,
    "istio-1.0/jwt-at-gateway.yaml",
    says="JWT policies that apply at the gateway, instead of for individual services.",
    grid=TOKEN_REQUIRED,
)

JWT_MUTUAL_TLS = Step(
    "jwt-with-mutual-tls",
    WITH_MUTUAL_TLS,
    *EXPOSED.manifests,
    "istio-1.0/jwt-mutual-tls.yaml",
    "istio-1.0/mutual-tls-httpbin-foo.yaml",
    says="Traffic from Istio services, including ingress gateway, to httpbin.foo will use mutual TLS. The "
    "test command above will still work.",
    grid=TOKEN_REQUIRED,
)

# "If you already enable mutual TLS mesh-wide or namespace-wide [...] you do not need to add this destination
# rule."
COVERED_BY_THE_MESH_WIDE_RULE = Step(
    "covered-by-the-mesh-wide-rule",
    WITH_MUTUAL_TLS,
    *EXPOSED.manifests,
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/jwt-mutual-tls.yaml",
    says="If you already enable mutual TLS mesh-wide, the host httpbin.foo is already covered by the other "
    "destination rule.",
    grid="""
                    /headers
        none        401
        valid       200
    """,
)

CLEANUP_3 = Step(
    "cleanup-3",
    "Cleanup part 3",
    *EXPOSED.manifests,
    says="Remove authentication policy. Remove destination rule.",
    grid=OPEN_TO_ALL,
)

# The same states, seen among the pods. Requests without a token:
JWT_AMONG_PODS = Step(
    "jwt-example",
    END_USER,
    *JWT.manifests,
    says="A policy that requires end-user JWT for httpbin.foo.",
    grid="""
                foo     bar     legacy
        foo     401     200     200
        bar     401     200     200
        legacy  401     200     200
    """,
)
JWT_AT_GATEWAY_AMONG_PODS = Step(
    "jwt-at-gateway", END_USER, *JWT_AT_GATEWAY.manifests, says=JWT_AT_GATEWAY.says, grid=ALL_REACHABLE
)

# Mutual TLS comes first: a client without it is not even asked for a token.
JWT_MUTUAL_TLS_AMONG_PODS = Step(
    "jwt-with-mutual-tls",
    WITH_MUTUAL_TLS,
    *JWT_MUTUAL_TLS.manifests,
    says="However, requests from non-Istio services, which use plain-text will fail.",
    grid="""
                foo     bar     legacy
        foo     401     200     200
        bar     401     200     200
        legacy  000/56  200     200
    """,
)
CLEANUP_3_AMONG_PODS = Step(
    "cleanup-3", "Cleanup part 3", *CLEANUP_3.manifests, says=CLEANUP_3.says, grid=ALL_REACHABLE
)

# Requests with a valid token:
JWT_WITH_TOKEN = Step("jwt-example", END_USER, *JWT.manifests, says=JWT.says, grid=ALL_REACHABLE)
JWT_MUTUAL_TLS_WITH_TOKEN = Step(
    "jwt-with-mutual-tls",
    WITH_MUTUAL_TLS,
    *JWT_MUTUAL_TLS.manifests,
    says="Requests from Istio services directly to httpbin.foo also work, given the correct token. However, "
    "requests from non-Istio services, which use plain-text will fail.",
    grid=LEGACY_REFUSED_BY_FOO,
)

COVERED_WITH_TOKEN = Step(
    "covered-by-the-mesh-wide-rule",
    WITH_MUTUAL_TLS,
    *COVERED_BY_THE_MESH_WIDE_RULE.manifests,
    says=COVERED_BY_THE_MESH_WIDE_RULE.says,
    grid=ALL_CLIENTS_MUTUAL,
)

# "You still need to add the mtls stanza to the authentication policy as the service-specific policy will
# override the mesh-wide (or namespace-wide) policy completely." Without it httpbin.foo takes plain text only.
OVERRIDES_COMPLETELY = Step(
    "overrides-the-mesh-policy-completely",
    WITH_MUTUAL_TLS,
    *MESH_WIDE_RULE.manifests,
    "istio-1.0/jwt-example.yaml",
    says="The service-specific policy will override the mesh-wide (or namespace-wide) policy completely.",
    grid="""
                foo     bar     legacy
        foo     503     200     503
        bar     503     200     503
        legacy  200     000/56  200
    """,
)
