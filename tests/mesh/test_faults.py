"""What a deliberately wrong mesh does, on real sockets: what it says, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.faults import Faults, load
from tests.mesh.conftest import SERVER
from tests.mesh.issuer import Issuer, bearer, key
from tests.mesh.plane import Plane
from tools.tokens import mint_symmetric, mint_unsigned, public_pem

pytestmark = pytest.mark.reference_only("faults are made of the reference")

Seen = dict[str, tuple[int, int]]
"""The statuses with a token, for a path that needs none and for one that does."""


@pytest.fixture
def wrong(plane: Plane) -> Iterator[Plane]:
    """Proxies that may be configured by a mesh with faults; afterwards all is well again."""
    yield plane
    plane.faults = Faults()


def tokens(issuer: Issuer) -> dict[str, dict[str, str]]:
    now = int(time.time())
    claims = {"iss": issuer.name, "sub": issuer.name, "exp": now + 3600}
    made = {
        "deadbeef": "deadbeef",
        "valid": issuer.token(),
        "late by 5 s": issuer.token(exp=now - 5),
        "late by 45 s": issuer.token(exp=now - 45),
        "late by 90 s": issuer.token(exp=now - 90),
        "early by 45 s": issuer.token(nbf=now + 45),
        "early by 90 s": issuer.token(nbf=now + 90),
        "of another issuer": issuer.token(iss="somebody@example.com"),
        "of another key": Issuer(key=key(1)).token(header={"kid": issuer.key.thumbprint()}),
        "not signed": mint_unsigned(claims),
        "signed with the public key": mint_symmetric(public_pem(issuer.key), claims),
    }
    return {"none": {}, **{name: bearer(token) for name, token in made.items()}}


IN, OUT = (200, 200), (401, 401)

RIGHT: Seen = {
    "none": (200, 403),
    "deadbeef": OUT,
    "valid": IN,
    "late by 5 s": IN,
    "late by 45 s": IN,
    "late by 90 s": OUT,
    "early by 45 s": IN,
    "early by 90 s": OUT,
    "of another issuer": OUT,
    "of another key": OUT,
    "not signed": OUT,
    "signed with the public key": OUT,
}

# Of each fault, where it differs from the reference mesh.
DIFFERENCES: dict[str, Seen] = {
    "skew-zero": {"late by 5 s": OUT, "late by 45 s": OUT, "early by 45 s": OUT},
    "skew-30": {"late by 45 s": OUT, "early by 45 s": OUT},
    "skew-300": {"late by 90 s": IN, "early by 90 s": IN},
    "expiry-unchecked": {"late by 90 s": IN},
    "nbf-unchecked": {"early by 90 s": IN},
    "missing-token-refused": {"none": OUT},
    "bad-token-accepted": {name: (200, 403) for name, seen in RIGHT.items() if seen == OUT},
    "any-issuer-accepted": {"of another issuer": IN},
    "signature-unchecked": {"of another key": IN},
    "algorithm-none-accepted": {"not signed": IN},
    "public-key-as-secret": {"signed with the public key": IN},
    "unauthenticated-swapped": {
        "none": (200, 401),
        **{name: (403, 403) for name, seen in RIGHT.items() if seen == OUT},
    },
    "deny-ignored": {"none": IN},
    "deny-on-all-paths": {"none": (403, 403)},
    "deny-before-tokens": {name: (200, 403) for name, seen in RIGHT.items() if seen == IN}
    | {name: (401, 403) for name, seen in RIGHT.items() if seen == OUT},
}


@pytest.mark.parametrize("fault", [None, *DIFFERENCES])
def test_tokens_fare_as_the_fault_says(wrong: Plane, fault: str | None) -> None:
    issuer = Issuer()
    wrong.faults = load([fault] if fault else [], "current")
    wrong.cluster.tokens("foo", issuer.rule)
    rule = {
        "from": [{"source": {"notRequestPrincipals": ["*"]}}],
        "to": [{"operation": {"paths": ["/required"]}}],
    }
    wrong.cluster.access("foo", "DENY", rule)
    wrong.settle()
    sent = tokens(issuer)
    codes = [
        [
            result["code"]
            for result in wrong.dial(
                "naked",
                [{"host": SERVER, "port": 8080, "path": path, "headers": each} for each in sent.values()],
            )
        ]
        for path in ("/", "/required")
    ]
    assert dict(zip(sent, zip(*codes, strict=True), strict=True)) == RIGHT | DIFFERENCES.get(fault or "", {})


# Of each fault: what becomes of a client in plain text, and of one with TLS but without a certificate, where
# the mode is STRICT; whether a certificate that the mesh has not issued will do.
STRICT: dict[str | None, tuple[str, str, str]] = {
    None: ("reset", "refused-tls", "refused-tls"),
    # PERMISSIVE does not take TLS of strangers for mutual TLS.
    "strict-as-permissive": ("ok", "reset", "reset"),
    "strict-answers-403": ("status", "refused-tls", "refused-tls"),
    "client-certificate-optional": ("reset", "ok", "refused-tls"),
    "foreign-ca-accepted": ("reset", "refused-tls", "ok"),
}


@pytest.mark.parametrize("fault", STRICT)
def test_strangers_fare_as_the_fault_says(wrong: Plane, fault: str | None) -> None:
    wrong.faults = load([fault] if fault else [], "current")
    wrong.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    wrong.settle()
    server = {"host": SERVER, "port": 8080}
    foreign = wrong.folder / "foreign.pem"
    foreign.write_text("".join((wrong.folder / name).read_text() for name in ("app.key", "app.crt")))
    dials = [server, {**server, "tls": True}, {**server, "tls": True, "certificate": str(foreign)}]
    seen = tuple(result["outcome"] for result in wrong.dial("naked", dials))
    assert seen == STRICT[fault]
