"""Authorization at the ingress, in both configuration APIs: how policies add up, and what rules match.

httpbin's own answers, 404 and 405 among them, say that a request was let through.
"""

from __future__ import annotations

from suites.extended.book import shown_at_each_ingress

STEPS = [
    shown_at_each_ingress(
        "no-rules-allow-nothing",
        "allow-nothing",
        """
                /ip     /headers    POST:/post
        none    403     403         403
        """,
    ),
    shown_at_each_ingress(
        "empty-rule-is-for-all",
        "deny-everything",
        """
                /ip     /headers    POST:/post
        none    403     403         403
        """,
    ),
    shown_at_each_ingress(
        "empty-rule-is-for-all",
        "allow-everything",
        """
                /ip     /headers    POST:/post
        none    200     403         200
        """,
    ),
    shown_at_each_ingress(
        "deny-before-allow",
        "deny-before-allow",
        """
                /ip     /headers    /get
        none    200     403         403
        """,
    ),
    shown_at_each_ingress(
        "allowed-by-any",
        "allowed-by-one-of-two",
        """
                /ip     /headers    /get
        none    200     200         403
        """,
    ),
    shown_at_each_ingress(
        "rules-are-alternatives",
        "two-rules",
        """
                POST:/post  /post   /ip     POST:/ip    /headers
        none    200         403     200     405         403
        """,
    ),
    shown_at_each_ingress(
        "methods",
        "methods",
        """
                /get    POST:/post  PUT:/put    DELETE:/delete  OPTIONS:/get
        none    200     403         403         403             403
        """,
    ),
    shown_at_each_ingress(
        "methods",
        "not-methods",
        """
                /get    POST:/post  PUT:/put    DELETE:/delete  OPTIONS:/get
        none    200     403         403         403             403
        """,
    ),
    shown_at_each_ingress(
        "paths-are-whole",
        "exact-path",
        """
                /headers    /headers?x=1    /headers/   /HEADERS    /headersx   /x/headers  /ip
        none    403         403             404         404         404         404         200
        """,
    ),
    shown_at_each_ingress(
        "paths-are-whole",
        "not-paths",
        """
                /ip     /ip?x=/headers  /ip/    /headers
        none    200     200             403     403
        """,
    ),
    shown_at_each_ingress(
        "path-patterns",
        "prefix-and-suffix",
        """
                /ip     /ipx    /headers    /x/headers  /headers/   /get
        none    200     404     200         404         403         403
        """,
    ),
    shown_at_each_ingress(
        "path-templates",
        "path-template",
        """
                /status/204     /status/418     /status     /status/    /status/204/x   /x/status/204
        none    204             418             403         403         403             403
        """,
    ),
    shown_at_each_ingress(
        "path-templates",
        "path-template-of-many",
        """
                /anything/a/x/b     /anything/a/x/b/c   /anything/a/x   /anything/a/b/x/c   /anything/a/y/b
        none    403                 403                 200             200                 200
        """,
    ),
    shown_at_each_ingress(
        "hosts-in-any-case",
        "host",
        """
                h.example.com/ip    H.EXAMPLE.com/ip    h.example.org/ip    x.h.example.com/ip  /ip
        none    403                 403                 200                 200                 200
        """,
    ),
    shown_at_each_ingress(
        "hosts-in-any-case",
        "host-patterns",
        """
                h.example.com/ip    X.H.EXAMPLE.COM/ip  example.com/ip  h.example.org/ip
        none    403                 403                 200             200
        """,
    ),
    shown_at_each_ingress(
        "host-without-port",
        "host-with-port",
        """
                h.example.com/ip    h.example.com:8080/ip
        none    403                 200
        """,
        policies="host",
    ),
    shown_at_each_ingress(
        "dry-run-denies-nothing",
        "dry-run",
        """
                /ip     /headers
        none    200     403
        """,
    ),
    shown_at_each_ingress(
        "headers-are-matched",
        "header",
        """
                /ip     /headers    /get
        none    200     403         403
        """,
    ),
    shown_at_each_ingress(
        "ip-blocks",
        "ip-blocks",
        """
                /ip     /headers
        none    200     403
        """,
    ),
    shown_at_each_ingress(
        "unknown-provider-denies",
        "unknown-provider",
        """
                /ip     /headers
        none    200     403
        """,
    ),
]
