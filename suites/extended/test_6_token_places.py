"""Token places: where tokens are found in requests, and what the application is sent of them."""

from __future__ import annotations

from fixtures.expectations import Exchange, Exchanges
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from suites.extended.book import shown

TOKENS = ("request-authentication",)

STEPS = [
    shown(
        "default-places",
        "default-places",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange("/headers", ("Authorization: Bearer {valid}",)),
                Exchange("/headers", ("authorization: Bearer {strangers-key}",), "401"),
                Exchange("/headers?access_token={valid}"),
                Exchange("/headers?access_token={strangers-key}", outcome="401"),
                Exchange("/headers", ("X-Token: {valid}",), "403"),
                Exchange("/headers?token={valid}", outcome="403"),
                Exchange("/headers", ("Cookie: access_token={valid}",), "403"),
            ),
        ),
    ),
    shown(
        "nothing-behind-bearer",
        "nothing-behind-bearer",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("Authorization: Bearer",), "403"),
                Exchange("/ip", ("Authorization: Bearer",)),
                Exchange("/ip", ("Authorization: {valid}",)),
                Exchange("/headers", ("Authorization: {valid}",), "403"),
            ),
        ),
        policies="default-places",
    ),
    shown(
        "what-is-no-token",
        "malformed",
        TOKENS,
        Exchanges(
            "bar",
            tuple(
                Exchange("/ip", (f"Authorization: Bearer {text}",), "401")
                for text in (
                    "..",
                    "a.b.c",
                    "{valid}.more",
                    "{payload:valid}",
                    "{payload:valid}.{payload:valid}.{payload:valid}",
                    "eyJhbGciOiJSUzI1NiJ9.e30.AA",
                )
            ),
        ),
        policies="default-places",
    ),
    shown(
        "challenge",
        "challenge",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange(
                    "/ip",
                    ("Authorization: Bearer {strangers-key}",),
                    "401",
                    answers=('WWW-Authenticate: Bearer realm="*", error="invalid_token"',),
                ),
                Exchange("/headers", outcome="403", answers=("WWW-Authenticate: ",)),
            ),
        ),
        policies="default-places",
    ),
    shown(
        "named-places",
        "named-places",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("X-Token: {valid}",)),
                Exchange("/headers", ("x-token: {strangers-key}",), "401"),
                Exchange("/headers", ("X-Prefixed: Token {valid}",)),
                Exchange("/headers", ("X-Prefixed: Token {strangers-key}",), "401"),
                Exchange("/headers", ("X-Prefixed: {valid}",), "403"),
                Exchange("/headers", ("X-Prefixed: Bearer {valid}",), "403"),
                Exchange("/headers", ("X-Other: {valid}",), "403"),
            ),
            label="{step}-headers",
        ),
        Exchanges(
            "bar",
            (
                Exchange("/headers?token={valid}"),
                Exchange("/headers?a=b&second_token={valid}&c=d"),
                Exchange("/headers?token={strangers-key}", outcome="401"),
                Exchange("/headers?second_token={strangers-key}", outcome="401"),
                Exchange("/headers?TOKEN={valid}", outcome="403"),
                Exchange("/headers?third_token={valid}", outcome="403"),
            ),
            label="{step}-parameters",
        ),
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("Cookie: session={valid}",)),
                Exchange("/headers", ("Cookie: a=b; session={valid}; c=d",)),
                Exchange("/headers", ("Cookie: session={strangers-key}",), "401"),
                Exchange("/headers", ("Cookie: other={valid}",), "403"),
                Exchange("/headers", ("Cookie: xsession={valid}",), "403"),
            ),
            label="{step}-cookies",
        ),
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("Authorization: Bearer {valid}",), "403"),
                Exchange("/ip", ("Authorization: Bearer {strangers-key}",)),
                Exchange("/headers?access_token={valid}", outcome="403"),
                Exchange("/ip?access_token={strangers-key}"),
            ),
            label="{step}-not-the-default-ones",
        ),
    ),
    shown(
        "every-token-counts",
        "two-tokens",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers?token={valid}&second_token={valid}"),
                Exchange("/headers?token={valid}&second_token={strangers-key}", outcome="401"),
                Exchange("/headers?token={strangers-key}&second_token={valid}", outcome="401"),
                Exchange("/headers?token={valid}", ("X-Token: {strangers-key}",), "401"),
                Exchange("/headers?token={strangers-key}", ("X-Token: {valid}",), "401"),
            ),
        ),
        policies="named-places",
    ),
    shown(
        "place-is-of-its-issuer",
        "a-place-an-issuer",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("X-One: {valid}",)),
                Exchange("/headers", ("X-Other: {other-issuer}",)),
                Exchange("/headers", ("X-One: {other-issuer}",), "401"),
                Exchange("/headers", ("X-Other: {valid}",), "401"),
            ),
        ),
    ),
    shown(
        "one-issuer-is-enough",
        "a-place-an-issuer-one-wrong",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", ("X-One: {valid}", "X-Other: {other-issuer}")),
                Exchange("/headers", ("X-One: {valid}", "X-Other: {strangers-key}")),
                Exchange("/headers", ("X-One: {strangers-key}", "X-Other: {other-issuer}")),
                Exchange("/headers", ("X-One: {strangers-key}", "X-Other: {strangers-key}"), "401"),
            ),
        ),
        policies="a-place-an-issuer",
    ),
    shown(
        "payload-for-the-application",
        "payload",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange(
                    "/headers", ("Authorization: Bearer {valid}",), sent=("X-Payload: {payload:valid}",)
                ),
                Exchange(
                    "/headers",
                    ("Authorization: Bearer {valid}", "X-Payload: forged"),
                    sent=("X-Payload: {payload:valid}",),
                ),
                Exchange("/get", ("X-Payload: forged",), lacks=("X-Payload",)),
            ),
        ),
        policies="outputs",
    ),
    shown(
        "claims-for-the-application",
        "claims",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange(
                    "/headers",
                    ("Authorization: Bearer {valid}", "X-Sub: forged", "X-Role: forged"),
                    sent=("X-Sub: testing@secure.istio.io",),
                    lacks=("X-Role", "X-Nested"),
                ),
                Exchange("/headers", ("Authorization: Bearer {role-admin}",), sent=("X-Role: admin",)),
                Exchange("/headers", ("Authorization: Bearer {nested-admin}",), sent=("X-Nested: admin",)),
                Exchange("/get", ("X-Sub: forged",), lacks=("X-Sub",)),
            ),
        ),
        policies="outputs",
    ),
    shown(
        "token-is-not-passed-on",
        "removed",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange("/headers", ("Authorization: Bearer {valid}",), lacks=("Authorization",)),
                Exchange(
                    "/headers",
                    ("X-Token: {valid}", "X-More: kept"),
                    sent=("X-More: kept",),
                    lacks=("X-Token",),
                ),
                Exchange(
                    "/get",
                    ("Authorization: Basic c29tZWJvZHk6c2VjcmV0",),
                    sent=("Authorization: Basic c29tZWJvZHk6c2VjcmV0",),
                ),
            ),
        ),
    ),
    shown(
        "parameter-is-not-passed-on",
        "removed-parameter",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange("/get?token={valid}&a=b", query="a=b"),
                Exchange("/get?a=b&token={valid}&c=d", query="a=b&c=d"),
                Exchange("/get?other={valid}", query="other={valid}"),
            ),
        ),
        policies="removed",
    ),
    shown(
        "cookie-is-passed-on",
        "cookie",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange(
                    "/headers", ("Cookie: a=b; session={valid}",), sent=("Cookie: a=b; session={valid}",)
                ),
            ),
        ),
        policies="removed",
    ),
    shown(
        "token-is-kept",
        "kept",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange(
                    "/headers", ("Authorization: Bearer {valid}",), sent=("Authorization: Bearer {valid}",)
                ),
                Exchange("/headers", ("X-Token: {valid}",), sent=("X-Token: {valid}",)),
                Exchange("/get?token={valid}&a=b", query="token={valid}&a=b"),
            ),
        ),
    ),
    *(
        shown(
            requirement,
            step,
            TOKENS,
            *(
                Exchanges(
                    api,
                    (
                        Exchange("/headers", outcome="403"),
                        Exchange("/headers", ("Authorization: Bearer {valid}",), outcome),
                        Exchange("/headers", ("Authorization: Bearer {strangers-key}",), "401"),
                    ),
                    label=f"{api}-{{step}}",
                )
                for api in CONFIG_APIS
            ),
            policies="required-behind-the-ingress",
            beside=[
                f"{name}.yaml"
                for api in CONFIG_APIS
                for name in (f"current/{api}/httpbin-gateway", f"extended/token-places/{api}/{step}")
            ],
        )
        for requirement, step, outcome in (
            ("gateway-keeps-the-token", "removed-at-the-ingress", "403"),
            ("gateway-passes-the-token-on", "kept-at-the-ingress", "200"),
        )
    ),
]
