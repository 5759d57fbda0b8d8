"""Authorization at workloads: for whose requests rules are.

Each kind of source is for a path of its own, at httpbin.foo allowed and at another.foo denied: whoever is
let in at the one is refused at the other. Clients of foo and bar use mutual TLS, those of legacy plain text.
"""

from __future__ import annotations

from fixtures.expectations import Requests
from fixtures.model.step import Step
from suites.extended.book import shown

AUTHORIZATION = ("request-authentication",)


def source(requirement: str, step: str, *expect: str) -> Step:
    """What most policies of the area allow, and under another name what they deny."""
    allowed, *denied = expect
    return shown(
        requirement,
        step,
        AUTHORIZATION,
        Requests(allowed),
        *(Requests(grid, server="another.foo", test="denied-requests") for grid in denied),
        policies="each-source",
    )


STEPS = [
    source(
        "principals-are-service-accounts",
        "principals",
        """
                /anything/principal     /anything/one-of-two    /anything/other-accounts
        foo     403                     200                     403
        bar     200                     200                     403
        legacy  403                     403                     403
        """,
        """
                /anything/principal     /anything/one-of-two    /anything/other-accounts
        foo     200                     403                     200
        bar     403                     403                     200
        legacy  200                     200                     200
        """,
    ),
    source(
        "principals-without-scheme",
        "principals-with-scheme",
        """
                /anything/with-scheme   /anything/principal
        bar     403                     200
        """,
        """
                /anything/with-scheme   /anything/principal
        bar     200                     403
        """,
    ),
    source(
        "principal-patterns",
        "principal-patterns",
        """
                /anything/prefix    /anything/suffix    /anything/any-principal
        foo     403                 403                 200
        bar     200                 200                 200
        legacy  403                 403                 403
        """,
        """
                /anything/prefix    /anything/suffix    /anything/any-principal
        foo     200                 200                 403
        bar     403                 403                 403
        legacy  200                 200                 200
        """,
    ),
    source(
        "no-identity-is-not-excluded",
        "excluded-principals",
        """
                /anything/not-a-principal   /anything/no-principal
        foo     200                         403
        bar     403                         403
        legacy  200                         200
        """,
        """
                /anything/not-a-principal   /anything/no-principal
        foo     403                         200
        bar     200                         200
        legacy  403                         403
        """,
    ),
    source(
        "no-identity-is-not-excluded",
        "excluded-namespaces",
        """
                /anything/not-a-namespace
        foo     200
        bar     403
        legacy  200
        """,
        """
                /anything/not-a-namespace
        foo     403
        bar     200
        legacy  403
        """,
    ),
    source(
        "namespaces-are-whole",
        "namespaces",
        """
                /anything/namespace     /anything/parts-of-namespaces
        foo     403                     403
        bar     200                     403
        legacy  403                     403
        """,
        """
                /anything/namespace     /anything/parts-of-namespaces
        foo     200                     200
        bar     403                     200
        legacy  200                     200
        """,
    ),
    source(
        "namespace-patterns",
        "namespace-patterns",
        """
                /anything/any-namespace     /anything/namespace-prefix
        foo     200                         403
        bar     200                         200
        legacy  403                         403
        """,
        """
                /anything/any-namespace     /anything/namespace-prefix
        foo     403                         200
        bar     403                         403
        legacy  200                         200
        """,
    ),
    source(
        "service-accounts",
        "service-accounts",
        """
                /anything/account   /anything/own-account   /anything/not-an-account
        foo     403                 200                     200
        bar     200                 403                     403
        legacy  403                 403                     200
        """,
        """
                /anything/account   /anything/own-account   /anything/not-an-account
        foo     200                 403                     403
        bar     403                 200                     200
        legacy  200                 200                     403
        """,
    ),
    source(
        "dots-of-service-accounts",
        "dotted-accounts",
        """
                /anything/dotted-account
        foo     403
        bar     403
        """,
        """
                /anything/dotted-account
        foo     200
        bar     200
        """,
    ),
    source(
        "trust-domains",
        "trust-domains",
        """
                /anything/trust-domain  /anything/other-trust-domain    /anything/not-a-trust-domain
        bar     200                     403                             403
        legacy  403                     403                             200
        """,
        """
                /anything/trust-domain  /anything/other-trust-domain    /anything/not-a-trust-domain
        bar     403                     200                             200
        legacy  200                     200                             403
        """,
    ),
    source(
        "fields-of-a-source-add-up",
        "several-fields",
        """
                /anything/principal-elsewhere   /anything/known-and-not-bar
        foo     403                             200
        bar     403                             403
        legacy  403                             403
        """,
        """
                /anything/principal-elsewhere   /anything/known-and-not-bar
        foo     200                             403
        bar     200                             200
        legacy  200                             200
        """,
    ),
    source(
        "sources-are-alternatives",
        "two-sources",
        """
                /anything/either
        foo     403
        bar     200
        legacy  200
        """,
        """
                /anything/either
        foo     200
        bar     403
        legacy  403
        """,
    ),
    source(
        "addresses-of-packets",
        "address-blocks",
        """
                /anything/anywhere   /anything/elsewhere   /anything/not-there    /anything/nowhere
        bar     200                     403                         200                         403
        legacy  200                     403                         200                         403
        """,
        """
                /anything/anywhere   /anything/elsewhere   /anything/not-there    /anything/nowhere
        bar     403                     200                         403                         200
        legacy  403                     200                         403                         200
        """,
    ),
    source(
        "addresses-of-packets",
        "forwarded-for-another",
        """
                /anything/elsewhere{X-Forwarded-For:192.0.2.1}  /anything/not-there{X-Forwarded-For:192.0.2.1}
        bar     403                                             200
        legacy  403                                             200
        """,
    ),
    source(
        "remote-addresses-at-workloads",
        "remote-ip-blocks",
        """
                /anything/remote    /anything/remote{X-Forwarded-For:192.0.2.1}
        bar     403                 200
        legacy  403                 200
        """,
        """
                /anything/not-remote    /anything/not-remote{X-Forwarded-For:192.0.2.1}
        bar     403                     200
        legacy  403                     200
        """,
    ),
    shown(
        "principals-of-requests",
        "request-principals",
        AUTHORIZATION,
        Requests("""
                            /anything/both      /anything/issuer    /anything/any-subject   /anything/either
            none            403                 403                 403                     403
            deadbeef        401                 401                 401                     401
            valid           200                 200                 200                     200
            other-subject   403                 200                 200                     200
            no-sub          403                 403                 403                     403
        """),
        Requests(
            """
                            /anything/both      /anything/issuer    /anything/any-subject   /anything/either
            none            200                 200                 200                     200
            deadbeef        401                 401                 401                     401
            valid           403                 403                 403                     403
            other-subject   200                 403                 403                     403
            no-sub          200                 200                 200                     200
            """,
            server="another.foo",
            test="denied-requests",
        ),
    ),
    shown(
        "principals-of-requests",
        "excluded-request-principals",
        AUTHORIZATION,
        Requests("""
                            /anything/not-both  /anything/nobody
            none            200                 200
            valid           403                 403
            other-subject   200                 403
        """),
        Requests(
            """
                            /anything/not-both  /anything/nobody
            none            403                 403
            valid           200                 200
            other-subject   403                 200
            """,
            server="another.foo",
            test="denied-requests",
        ),
        policies="request-principals",
    ),
    shown(
        "principals-of-requests-by-subject",
        "request-principals-by-subject",
        AUTHORIZATION,
        Requests("""
                            /anything/subject   /anything/whole-subject     /anything/any-subject
            none            403                 403                         403
            valid           403                 403                         200
            other-subject   200                 200                         200
        """),
        policies="request-principals",
    ),
]
