"""What becomes of tokens in the mesh of Istio 1.0, on real sockets: section "End-user authentication"."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from lab.mesh.model.proxy_config import SidecarConfig
from tests.mesh.config.istio_1_0.conftest import NO_KEYS, OTHER, with_keys
from tests.mesh.config.istio_1_0.declare import (
    MTLS,
    PERMISSIVE,
    origin,
    put_mesh_policy,
    put_policy,
    put_rule,
    to,
)
from tests.mesh.conftest import SERVER
from tests.mesh.envoy.test_client_side import TO_SERVER
from tests.mesh.envoy.test_tokens import part
from tests.mesh.issuer import Issuer, bearer, key
from tests.mesh.plane import Plane

REFUSED = (401, "Origin authentication failed.")
PEER_REFUSED = (401, "Peer authentication failed.")
PASSED = (200, "")

ISSUED = Issuer()
OTHERS = Issuer(OTHER, key(1, "RS256"))


def told(result: dict[str, Any]) -> tuple[Any, str]:
    return result.get("code", result["outcome"]), result.get("body", "")


def ask(plane: Plane, *requests: dict[str, Any]) -> list[tuple[Any, str]]:
    """What a pod outside the mesh is told; a request is its headers, or more of it if it has a `path`."""
    dials = [each if "path" in each else {"headers": each} for each in requests]
    return [told(each) for each in plane.dial("naked", [{"host": SERVER, "port": 8080} | d for d in dials])]


def at(path: str, **headers: str) -> dict[str, Any]:
    return {"path": path, "headers": headers}


@pytest.fixture
def demanding(plane: Plane) -> Plane:
    """The server wants a token, as in the document."""
    put_policy(plane.cluster, "foo", to("server", origins=[origin()], principalBinding="USE_ORIGIN"), "jwt")
    plane.settle()
    return plane


def test_every_defect_is_answered_alike(demanding: Plane) -> None:
    now = int(time.time())
    head, payload, signature = ISSUED.token().split(".")
    defective = {
        "none": {},
        "not a token": bearer("deadbeef"),
        "empty": bearer(""),
        "a part too many": bearer(f"{head}.{payload}.{signature}.more"),
        "a bad header": bearer(f"{part('no')}.{payload}.{signature}"),
        "a bad payload": bearer(f"{head}.{part('no')}.{signature}"),
        "a forged signature": bearer(f"{head}.{payload}.{signature[:-8]}AAAAAAAA"),
        "no signature": bearer(f"{part({'alg': 'none'})}.{payload}."),
        "somebody else's": bearer(Issuer(key=key(1)).token()),
        "an unknown issuer": bearer(ISSUED.token(iss="somebody else")),
        "no issuer": bearer(ISSUED.token(iss=None)),
        "expired a second ago": bearer(ISSUED.token(exp=now - 1)),
        "expired long ago": bearer(ISSUED.token(exp=now - 1_000_000)),
        "never expires": bearer(ISSUED.token(exp=None)),
        "expires at no time": bearer(ISSUED.token(exp="soon")),
        "another scheme": {"authorization": f"Basic {ISSUED.token()}"},
        "the scheme in lower case": {"authorization": f"bearer {ISSUED.token()}"},
        "a blank too many": bearer(f" {ISSUED.token()}"),
        "a good one after a bad one": bearer(f"deadbeef,{ISSUED.token()}"),
        "a good one before something": bearer(f"{ISSUED.token()} more"),
        "in another header": {"x-token": ISSUED.token()},
        "in another parameter": at(f"/?token={ISSUED.token()}"),
        "a preflight": {
            "path": "/",
            "method": "OPTIONS",
            "headers": {"origin": "http://a", "access-control-request-method": "GET"},
        },
    }
    seen = dict(zip(defective, ask(demanding, *defective.values()), strict=True))
    assert seen == dict.fromkeys(defective, REFUSED)


def test_what_is_no_defect(demanding: Plane) -> None:
    later = int(time.time()) + 1000
    fine = {
        "in the header": bearer(ISSUED.token()),
        "in the query": at(f"/?a=b&access_token={ISSUED.token()}&c"),
        "not yet valid": bearer(ISSUED.token(nbf=later)),
        "issued tomorrow": bearer(ISSUED.token(iat=later)),
        "for somebody": bearer(ISSUED.token(aud="somebody")),
        "without a subject": bearer(ISSUED.token(sub=None)),
        "for ever, nearly": bearer(ISSUED.token(exp=4685989700)),
    }
    seen = dict(zip(fine, ask(demanding, *fine.values()), strict=True))
    assert seen == dict.fromkeys(fine, PASSED)


def at_the_start_of_a_second() -> int:
    time.sleep(1 - time.time() % 1)
    return int(time.time())


def told_within_its_last_second(plane: Plane) -> tuple[dict[str, str], tuple[Any, str]]:
    """A token, and what it was answered in the very second of its `exp`: another answer would say nothing."""
    for _ in range(5):
        last = at_the_start_of_a_second()
        token = bearer(ISSUED.token(exp=last))
        [answer] = ask(plane, token)
        if int(time.time()) == last:
            return token, answer
    pytest.fail("too slow to tell")


def test_a_token_is_valid_to_the_end_of_its_last_second_and_no_longer(demanding: Plane) -> None:
    token, answer = told_within_its_last_second(demanding)
    at_the_start_of_a_second()
    assert [answer, *ask(demanding, token)] == [PASSED, REFUSED]


def test_there_would_be_a_skew_if_the_model_said_so(demanding: Plane) -> None:
    def skewed(config: Any) -> Any:
        if not isinstance(config, SidecarConfig):
            return with_keys(config)
        ports = tuple(
            replace(port, tokens=port.tokens and replace(port.tokens, clock_skew_s=60))
            for port in config.inbound.ports
        )
        return replace(config, inbound=replace(config.inbound, ports=ports))

    demanding.alter_model = skewed
    demanding.settle()
    now = int(time.time())
    tokens = [bearer(ISSUED.token(exp=now - ago)) for ago in (50, 70)]
    assert ask(demanding, *tokens) == [PASSED, REFUSED]


def test_only_the_first_token_counts(demanding: Plane) -> None:
    good, bad = ISSUED.token(), "deadbeef"
    requests = {
        "a bad one hides a good one": at(f"/?access_token={good}", **bearer(bad)),
        "a good one hides a bad one": at(f"/?access_token={bad}", **bearer(good)),
        "what is no token hides nothing": at(f"/?access_token={good}", authorization="Basic x"),
        "the first of two parameters": at(f"/?access_token={bad}&access_token={good}"),
    }
    seen = dict(zip(requests, ask(demanding, *requests.values()), strict=True))
    assert list(seen.values()) == [REFUSED, PASSED, PASSED, REFUSED]


def test_where_a_policy_looks_the_usual_places_do_not_count(plane: Plane) -> None:
    spec = to("server", origins=[origin(jwtHeaders=["X-B", "x-a"], jwtParams=["q", "p"])])
    put_policy(plane.cluster, "foo", spec, "jwt")
    plane.settle()
    good, bad = ISSUED.token(), "deadbeef"
    requests = {
        "bearer": (bearer(good), REFUSED),
        "access_token": (at(f"/?access_token={good}"), REFUSED),
        "a header": ({"x-b": good}, PASSED),
        "a header, and bearer": ({"x-b": good, **bearer(bad)}, PASSED),
        "a header with a prefix": ({"x-a": f"Whatever {good}"}, PASSED),
        "a header with two": ({"x-a": f"What ever {good}"}, REFUSED),
        "headers by name, not by order: a": ({"x-b": bad, "x-a": good}, PASSED),
        "headers by name, not by order: b": ({"x-b": good, "x-a": bad}, REFUSED),
        "a parameter": (at(f"/?q={good}"), PASSED),
        "parameters by name": (at(f"/?q={good}&p={bad}"), REFUSED),
        "headers before parameters": (at(f"/?p={bad}", **{"x-b": good}), PASSED),
    }
    seen = dict(zip(requests, ask(plane, *(request for request, _ in requests.values())), strict=True))
    assert seen == {name: expected for name, (_, expected) in requests.items()}


def test_a_token_counts_only_where_its_issuers_are_looked_for(plane: Plane) -> None:
    origins = [origin(), origin(OTHER, jwtHeaders=["x-other"])]
    put_policy(plane.cluster, "foo", to("server", origins=origins), "jwt")
    plane.settle()
    mine, others = ISSUED.token(), OTHERS.token()
    requests = [bearer(mine), {"x-other": others}, bearer(others), {"x-other": mine}]
    assert ask(plane, *requests) == [PASSED, PASSED, REFUSED, REFUSED]


def test_another_audience_is_refused_like_any_other_defect(plane: Plane) -> None:
    allowed = ["us", "https://them/"]
    put_policy(plane.cluster, "foo", to("server", origins=[origin(audiences=allowed), origin(OTHER)]), "jwt")
    plane.settle()
    table: list[tuple[str, tuple[int, str]]] = [
        (ISSUED.token(aud="us"), PASSED),
        (ISSUED.token(aud=["others", "us"]), PASSED),
        # Scheme and trailing slash do not count.
        (ISSUED.token(aud="http://us/"), PASSED),
        (ISSUED.token(aud="them"), PASSED),
        (ISSUED.token(aud="others"), REFUSED),
        (ISSUED.token(aud=["others"]), REFUSED),
        (ISSUED.token(aud=[]), REFUSED),
        (ISSUED.token(), REFUSED),
        (OTHERS.token(aud="others"), PASSED),
    ]
    assert ask(plane, *(bearer(token) for token, _ in table)) == [expected for _, expected in table]


def test_only_two_algorithms_are_known(plane: Plane) -> None:
    put_policy(plane.cluster, "foo", to("server", origins=[origin(OTHER)]), "jwt")
    plane.settle()
    names = ("RS256", "ES256", "RS384", "ES384")
    tokens = [Issuer(OTHER, key(1, name)).token(header={"alg": name}) for name in names]
    assert ask(plane, *map(bearer, tokens)) == [PASSED, PASSED, REFUSED, REFUSED]


def test_without_keys_no_token_is_valid(plane: Plane) -> None:
    put_policy(plane.cluster, "foo", to("server", origins=[origin(NO_KEYS)]), "jwt")
    plane.settle()
    assert ask(plane, bearer(ISSUED.token(iss=NO_KEYS)), {}) == [REFUSED, REFUSED]


def test_the_application_gets_the_token_and_nothing_of_how_it_was_verified(demanding: Plane) -> None:
    token = ISSUED.token()
    mine = {"x-reference-mesh-token": "mine"}
    requests = [bearer(token) | mine, at(f"/?access_token={token}", **mine)]
    results = demanding.dial(
        "naked", [{"host": SERVER, "port": 8080, **each} for each in ({"headers": requests[0]}, requests[1])]
    )
    assert [each["outcome"] for each in results] == ["ok", "ok"]
    assert results[0]["headers"]["authorization"] == f"Bearer {token}"
    assert results[1]["path"] == f"/?access_token={token}"
    assert not any("mesh-token" in name for each in results for name in each["headers"])


def test_a_token_cannot_be_put_where_the_verified_one_will_be(demanding: Plane) -> None:
    there = {"x-reference-mesh-token": ISSUED.token()}
    for bad in ({}, bearer("deadbeef")):
        assert ask(demanding, there | bad) == [REFUSED]


# A policy's spec to what is told: no token, the issuer's, the other one's, a bad one.
DEMANDS: dict[str, tuple[dict[str, Any], list[tuple[int, str]]]] = {
    "an origin": ({"origins": [origin()]}, [REFUSED, PASSED, REFUSED, REFUSED]),
    "alternatives": ({"origins": [origin(), origin(OTHER)]}, [REFUSED, PASSED, PASSED, REFUSED]),
    "an optional origin": ({"origins": [origin()], "originIsOptional": True}, [PASSED] * 4),
    "a peer's token": ({"peers": [origin()]}, [PEER_REFUSED, PASSED, PEER_REFUSED, PEER_REFUSED]),
    "an optional peer": ({"peers": [origin()], "peerIsOptional": True}, [PASSED] * 4),
    "both": (
        {"peers": [origin()], "origins": [origin(OTHER)]},
        # One token cannot be both.
        [PEER_REFUSED, REFUSED, PEER_REFUSED, PEER_REFUSED],
    ),
    "both, the peer's optional": (
        {"peers": [origin()], "origins": [origin(OTHER)], "peerIsOptional": True},
        [REFUSED, REFUSED, PASSED, REFUSED],
    ),
    "mutual TLS or a token": ({"peers": [PERMISSIVE, origin()]}, [PASSED] * 4),
    "the principal of an origin that nobody can be": (
        {"peers": [PERMISSIVE], "principalBinding": "USE_ORIGIN"},
        [REFUSED] * 4,
    ),
    "the same, but optional": (
        {"peers": [PERMISSIVE], "principalBinding": "USE_ORIGIN", "originIsOptional": True},
        [PASSED] * 4,
    ),
    "nothing, whatever the principal": ({"principalBinding": "USE_ORIGIN"}, [PASSED] * 4),
    "the principal of the peer": (
        {"origins": [origin()], "principalBinding": "USE_PEER"},
        [REFUSED, PASSED, REFUSED, REFUSED],
    ),
}


@pytest.mark.parametrize("case", DEMANDS)
def test_what_a_policy_demands(plane: Plane, case: str) -> None:
    spec, expected = DEMANDS[case]
    put_policy(plane.cluster, "foo", to("server", **spec), "jwt")
    plane.settle()
    tokens = [{}, bearer(ISSUED.token()), bearer(OTHERS.token()), bearer("deadbeef")]
    assert ask(plane, *tokens) == expected


def test_a_policy_for_another_port_demands_nothing_here(plane: Plane) -> None:
    put_policy(plane.cluster, "foo", to("server", {"number": 8080}, origins=[origin()]), "jwt")
    plane.settle()
    assert ask(plane, {}) == [PASSED]
    put_policy(plane.cluster, "foo", to("server", {"name": "http"}, origins=[origin()]), "jwt")
    plane.settle()
    assert ask(plane, {}) == [REFUSED]


@pytest.fixture
def with_mutual_tls(plane: Plane) -> Plane:
    """Section "End-user authentication with mutual TLS"."""
    put_policy(plane.cluster, "foo", to("server", peers=[MTLS], origins=[origin()]), "jwt")
    put_rule(plane.cluster, "server.foo.svc.cluster.local", "ISTIO_MUTUAL")
    plane.settle()
    return plane


def test_mutual_tls_comes_before_any_token(with_mutual_tls: Plane) -> None:
    token = bearer(ISSUED.token())
    assert ask(with_mutual_tls, token) == [("reset", "")]
    results = with_mutual_tls.dial("client", [TO_SERVER, {**TO_SERVER, "headers": token}])
    assert [told(each) for each in results] == [REFUSED, PASSED]


def test_a_policy_of_the_service_with_origins_alone_takes_mutual_tls_away(plane: Plane) -> None:
    put_mesh_policy(plane.cluster, MTLS)
    put_policy(plane.cluster, "foo", to("server", origins=[origin()]), "jwt")
    plane.settle()
    assert ask(plane, bearer(ISSUED.token()), {}) == [PASSED, REFUSED]
