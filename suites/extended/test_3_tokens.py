"""Tokens at the ingress, in both configuration APIs, and what rules can say of them; and at workloads."""

from __future__ import annotations

from fixtures.expectations import Exchange, Exchanges, RefusalText
from fixtures.mesh_profile.adaptation import CONFIG_APIS
from suites.extended.book import shown, shown_at_each_ingress
from tools.tokens import ALGORITHMS

TOKENS = ("request-authentication",)

KEYS_OF_TWO_ISSUERS = tuple(
    Exchange("/ip", (f"Authorization: Bearer {{{token}}}",), outcome)
    for token, outcome in (
        ("valid", "200"),
        ("other-issuers-key", "200"),
        ("another-key", "401"),
        ("other-issuer", "401"),
    )
)

REASONS = {"exp-90-ago": "Jwt is expired", "any-audience": "Audiences in Jwt are not allowed"}

STEPS = [
    shown_at_each_ingress(
        "issuer-is-exact",
        "issuers",
        """
                            /ip     POST:/post
        none                200     200
        valid               200     200
        issuer-with-a-slash 401     401
        issuer-in-capitals  401     401
        """,
        policies="tokens",
    ),
    shown_at_each_ingress(
        "signature-is-of-the-token",
        "signatures",
        """
                            /ip
        valid               200
        other-payload       401
        without-signature   401
        """,
        policies="tokens",
    ),
    shown_at_each_ingress(
        "times-of-a-token",
        "times",
        """
                            /ip
        deadbeef            401
        no-exp              200
        iat-in-an-hour      200
        """,
        policies="tokens",
    ),
    shown_at_each_ingress(
        "other-scheme-is-no-token",
        "schemes",
        """
                            /ip
        deadbeef            401
        small-scheme        200
        basic               200
        """,
        policies="tokens",
    ),
    shown_at_each_ingress(
        "issuers-add-up",
        "two-issuers",
        """
                            /ip
        none                200
        deadbeef            401
        valid               200
        other-issuer        200
        strangers-key       401
        """,
    ),
    shown_at_each_ingress(
        "one-rule-is-enough",
        "two-of-one-issuer",
        """
                            /ip
        deadbeef            401
        valid               200
        any-audience        200
        right-audience      200
        """,
    ),
    shown_at_each_ingress(
        "audience-among-several",
        "audiences",
        """
                            /ip
        none                200
        valid               403
        any-audience        403
        right-audience      200
        among-audiences     200
        """,
    ),
    shown_at_each_ingress(
        "refusals-say-why",
        "reasons",
        """
                            /ip
        exp-90-ago          401
        any-audience        403
        right-audience      200
        """,
        *(
            RefusalText(words, api=api, token=token, path="/ip", label=f"{api}-{{step}}-{token}")
            for api in CONFIG_APIS
            for token, words in REASONS.items()
        ),
        policies="audiences",
    ),
    shown_at_each_ingress(
        "principal-is-issuer-and-subject",
        "required",
        """
                            /ip
        none                403
        deadbeef            401
        valid               200
        no-sub              403
        small-scheme        403
        """,
    ),
    shown_at_each_ingress(
        "principal-is-issuer-and-subject",
        "required-principal",
        """
                            /ip
        none                403
        valid               200
        other-subject       403
        """,
    ),
    shown_at_each_ingress(
        "principal-of-an-issuer",
        "required-issuer",
        """
                            /ip
        none                403
        valid               200
        other-subject       200
        """,
    ),
    shown_at_each_ingress(
        "no-principal-is-not-excluded",
        "other-principal",
        """
                            /headers    /ip     /get
        none                200         200     403
        valid               403         200     403
        other-subject       200         200     403
        """,
    ),
    shown_at_each_ingress(
        "claims-are-matched",
        "claim",
        """
                            /ip
        none                403
        valid               403
        role-user           403
        role-admin          200
        roles-user-admin    200
        nested-admin        403
        """,
    ),
    shown_at_each_ingress(
        "nested-claims-are-matched",
        "nested-claim",
        """
                            /ip
        none                403
        valid               403
        role-admin          403
        nested-admin        200
        """,
    ),
    shown_at_each_ingress(
        "audiences-are-matched",
        "audience-required",
        """
                            /ip
        none                403
        valid               403
        any-audience        403
        right-audience      200
        among-audiences     200
        """,
    ),
    shown(
        "kinds-of-keys",
        "keys-of-each-kind",
        TOKENS,
        Exchanges(
            "bar",
            (
                *(
                    Exchange("/ip", (f"Authorization: Bearer {{{algorithm.lower()}}}",))
                    for algorithm in ALGORITHMS
                ),
                Exchange("/ip", ("Authorization: Bearer {no-kid}",)),
                *(
                    Exchange("/ip", (f"Authorization: Bearer {{{name}}}",), "401")
                    for name in ("es256-of-another-key", "unknown-kid", "not-signed", "public-secret")
                ),
            ),
        ),
    ),
    shown(
        "key-is-of-its-issuer",
        "keys-of-two-issuers",
        TOKENS,
        Exchanges("legacy", KEYS_OF_TWO_ISSUERS),
    ),
    shown(
        "keys-are-replaced",
        "first-key",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/ip", ("Authorization: Bearer {valid}",)),
                Exchange("/ip", ("Authorization: Bearer {another-key}",), "401"),
            ),
        ),
    ),
    shown(
        "keys-are-replaced",
        "second-key",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/ip", ("Authorization: Bearer {valid}",), "401"),
                Exchange("/ip", ("Authorization: Bearer {another-key}",)),
            ),
        ),
    ),
    shown(
        "namespaces-add-up",
        "of-two-namespaces",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/headers", outcome="403"),
                Exchange("/headers", ("Authorization: Bearer {valid}",)),
                Exchange("/headers", ("Authorization: Bearer {other-issuer}",)),
            ),
            label="{step}-foo",
        ),
        Exchanges(
            "foo",
            (
                Exchange("/headers"),
                Exchange("/headers", ("Authorization: Bearer {valid}",)),
                Exchange("/headers", ("Authorization: Bearer {other-issuer}",), "401"),
            ),
            server="bar",
            label="{step}-bar",
        ),
        Exchanges(
            "bar",
            (
                Exchange("/ip", ("Authorization: Bearer {other-issuer}",)),
                Exchange("/ip", ("Authorization: Bearer {strangers-key}",), "401"),
            ),
            server="another.foo",
            label="{step}-another.foo",
        ),
    ),
    shown(
        "root-selector-is-for-all-namespaces",
        "root-policy-with-selector",
        TOKENS,
        *(
            Exchanges(
                "legacy",
                (
                    Exchange("/ip", ("Authorization: Bearer {valid}",)),
                    Exchange("/ip", ("Authorization: Bearer {strangers-key}",), outcome),
                ),
                server=server,
                shows=outcome == "401",
                label=f"{{step}}-{server}",
            )
            for server, outcome in (("foo", "401"), ("bar:8001", "401"), ("another.foo", "200"))
        ),
    ),
    shown(
        "audience-without-its-scheme",
        "audiences-as-addresses",
        TOKENS,
        Exchanges(
            "bar",
            (
                Exchange("/ip", ("Authorization: Bearer {any-audience}",), "403"),
                Exchange("/ip", ("Authorization: Bearer {address-as-audience}",)),
            ),
        ),
    ),
]
