"""Identity header: what an application is told of who calls it."""

from __future__ import annotations

from fixtures.expectations import NamesBothEnds, NoClientCertificate, Reachability
from suites.extended.book import shown
from suites.grids import LEGACY_REFUSED_BY_BAR, LEGACY_REFUSED_BY_BOTH

PEER_AUTHENTICATION = ("peer-authentication",)

STEPS = [
    shown(
        "header-names-both-ends",
        "strict-everywhere",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BOTH),
        *(
            NamesBothEnds(client, server, label=f"{{step}}-{client}-{server}")
            for client, server in (("foo", "bar"), ("bar", "foo:8001"), ("foo", "another.bar"))
        ),
    ),
    shown(
        "header-gone-in-plain-text",
        "disabled-for-one",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BAR),
        *(
            NoClientCertificate(client, "foo", forged=True, label=f"{{step}}-forged-{client}-foo")
            for client in ("foo", "bar", "legacy")
        ),
    ),
    shown(
        "header-not-believed",
        "strict-everywhere-forged",
        PEER_AUTHENTICATION,
        Reachability(LEGACY_REFUSED_BY_BOTH),
        *(
            NamesBothEnds(client, server, forged=True, label=f"{{step}}-{client}-{server}")
            for client, server in (("foo", "bar"), ("bar", "foo:8001"), ("foo", "another.bar"))
        ),
        policies="strict-everywhere",
    ),
]
