"""Routing by claims: what was seen of real Istio, by the match of a route and the token of a request."""

from __future__ import annotations

from typing import Any

Text = dict[str, str]

TOKENS: dict[str, dict[str, Any]] = {
    "p": {},
    "s": {
        "groups": "staff",
        "n": {"k": "v", "d.o": "x", "a": ["p", "q"], "deep": {"er": "yes"}},
        "a.b": "dotted",
        "UP": "case",
        "num": 5,
        "yes": True,
        "scope": "read write",
        "empty": "",
        "blank": "a b",
    },
    "l": {
        "groups": ["users", "staff"],
        "nums": [5, 6],
        "mixed": [1, "staff"],
        "none": [],
        "scope": "read",
        "objects": [{"k": "v"}],
    },
}
"""The claims of each token, but for those of any token. `-` is no token."""


def exact(text: str) -> Text:
    return {"exact": text}


def regex(expression: str) -> Text:
    return {"regex": expression}


STAFF, ANY = exact("staff"), regex(".*")
GROUPS = "@request.auth.claims.groups"

ROUTES: list[tuple[dict[str, Text], dict[str, Text], str]] = [
    # What is wanted, what is unwanted, and with which tokens a request goes this way.
    ({GROUPS: STAFF}, {}, "sl"),
    ({"@request.auth.claims[groups]": STAFF}, {}, "sl"),
    ({"@Request.Auth.Claims.groups": STAFF}, {}, "sl"),
    ({GROUPS: {"prefix": "sta"}}, {}, "sl"),
    ({GROUPS: {"prefix": "us"}}, {}, "l"),
    ({GROUPS: regex("st.*")}, {}, "sl"),
    ({GROUPS: regex("st")}, {}, ""),
    ({GROUPS: regex(".+")}, {}, "sl"),
    ({"@request.auth.claims.iss": exact("testing@secure.istio.io")}, {}, "psl"),
    # Within others; a point within a name is possible in brackets only.
    ({"@request.auth.claims.n.k": exact("v")}, {}, "s"),
    ({"@request.auth.claims[n][k]": exact("v")}, {}, "s"),
    ({"@request.auth.claims[n][a]": exact("q")}, {}, "s"),
    ({"@request.auth.claims[n][deep][er]": exact("yes")}, {}, "s"),
    ({"@request.auth.claims[n][d.o]": exact("x")}, {}, "s"),
    ({"@request.auth.claims[a.b]": exact("dotted")}, {}, "s"),
    ({"@request.auth.claims.a.b": exact("dotted")}, {}, ""),
    ({"@request.auth.claims[n]x[k]": exact("v")}, {}, ""),
    ({"@request.auth.claims[groups][0]": exact("users")}, {}, ""),
    ({"@request.auth.claims[objects][k]": exact("v")}, {}, ""),
    # The case of a name counts.
    ({"@request.auth.claims.UP": exact("case")}, {}, "s"),
    ({"@request.auth.claims.up": exact("case")}, {}, ""),
    # What is no text is nothing, not even for an expression that takes everything.
    ({"@request.auth.claims.num": exact("5")}, {}, ""),
    ({"@request.auth.claims.nums": exact("5")}, {}, ""),
    ({"@request.auth.claims.yes": exact("true")}, {}, ""),
    ({"@request.auth.claims.n": ANY}, {}, ""),
    ({"@request.auth.claims.none": ANY}, {}, ""),
    ({"@request.auth.claims.mixed": STAFF}, {}, "l"),
    ({"@request.auth.claims.empty": exact("")}, {}, "s"),
    ({"@request.auth.claims.empty": ANY}, {}, "s"),
    # Scopes are a list in one text, others are not.
    ({"@request.auth.claims.scope": exact("read")}, {}, "sl"),
    ({"@request.auth.claims.scope": exact("read write")}, {}, ""),
    ({"@request.auth.claims.blank": exact("a b")}, {}, "s"),
    # Unwanted: also without a token, and without the claim.
    ({}, {GROUPS: STAFF}, "-p"),
    ({}, {GROUPS: {"prefix": "us"}}, "-ps"),
    ({}, {GROUPS: ANY}, "-p"),
    ({}, {"@request.auth.claims[n][k]": exact("v")}, "-pl"),
    # All of them, with those of headers.
    ({GROUPS: STAFF, "@request.auth.claims[n][k]": exact("v")}, {}, "s"),
    ({GROUPS: STAFF}, {"@request.auth.claims.scope": exact("write")}, "l"),
    ({GROUPS: STAFF, "x-a": exact("b")}, {}, "sl"),
    ({GROUPS: STAFF, "x-a": exact("c")}, {}, ""),
    # A header that is called like a claim says nothing.
    ({"@request.auth.claims.spoofed": STAFF}, {}, ""),
]
