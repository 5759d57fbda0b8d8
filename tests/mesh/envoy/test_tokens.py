"""What a proxy does with tokens, on real sockets: section "End-user authentication" of the document."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from tests.mesh.conftest import SERVER
from tests.mesh.issuer import ISSUER, Issuer, bearer, key
from tests.mesh.plane import Plane
from tests.planes.differences import Either, on
from tools.tokens import jwks

PORT = 8080


def request(headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"host": SERVER, "port": PORT, "headers": headers or {}, **more}


def codes(plane: Plane, *dials: dict[str, Any]) -> list[int]:
    return [result["code"] for result in plane.dial("naked", dials)]


def told(result: dict[str, Any]) -> tuple[int, str]:
    return result["code"], result["body"] if result["code"] != 200 else ""


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


NOT_THREE_PARTS = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
NO_KEY = "Jwks doesn't have key to match kid or alg from Jwt"
UNSAID_ALGORITHM = "Jwt header [alg] field is required and must be a string"
NOT_FOR_YOU = "Audiences in Jwt are not allowed"


def test_every_defect_has_its_status_and_its_words(plane: Plane) -> None:
    issuer, now = Issuer(), int(time.time())
    plane.cluster.tokens("foo", {**issuer.rule, "audiences": ["us", "https://them/"]})
    plane.settle()
    good = issuer.token(aud="us")
    head, payload, signature = good.split(".")
    forged = f"{head}.{payload}.{signature[:-8]}AAAAAAAA"
    table = {
        "": (200, ""),
        good: (200, ""),
        "deadbeef": (401, NOT_THREE_PARTS),
        f"{good}.more": (401, NOT_THREE_PARTS),
        f"{part('not json')}.{payload}.{signature}": (401, "Jwt header is an invalid JSON"),
        f"{head}.{part('not json')}.{signature}": (401, "Jwt payload is an invalid JSON"),
        issuer.token(header={"alg": None}, aud="us"): (401, UNSAID_ALGORITHM),
        issuer.token(header={"alg": "none"}, aud="us"): (401, "Jwt header [alg] is not supported"),
        issuer.token(iss="somebody else", aud="us"): (401, "Jwt issuer is not configured"),
        issuer.token(iss=None, aud="us"): (401, "Jwt issuer is not configured"),
        issuer.token(aud="us", exp=now - 100): (401, "Jwt is expired"),
        issuer.token(aud="us", nbf=now + 100): (401, "Jwt not yet valid"),
        issuer.token(aud="us", exp="soon"): (401, "Jwt payload [exp] field is not an integer"),
        issuer.token(aud="us", nbf="soon"): (401, "Jwt payload [nbf] field is not an integer"),
        issuer.token(aud="us", iat="today"): (401, "Jwt payload [iat] field is not an integer"),
        issuer.token(): (403, NOT_FOR_YOU),
        issuer.token(aud="others"): (403, NOT_FOR_YOU),
        issuer.token(aud=["others", "us"]): (200, ""),
        # Scheme and trailing slash do not count.
        issuer.token(aud="http://us/"): (200, ""),
        issuer.token(aud="them"): (200, ""),
        issuer.token(header={"kid": "another"}, aud="us"): (401, NO_KEY),
        issuer.token(header={"kid": None}, aud="us"): (200, ""),
        forged: (401, "Jwt verification fails"),
        Issuer(key=key(1)).token(header={"kid": None}, aud="us"): (401, "Jwt verification fails"),
        Issuer(key=key(0, "ES256")).token(header={"kid": None}, aud="us"): (401, "Jwt verification fails"),
        # In this order: time, audience, signature.
        issuer.token(aud="others", exp=now - 100): (401, "Jwt is expired"),
        ".".join([*issuer.token(aud="others").split(".")[:2], signature]): (403, NOT_FOR_YOU),
        # Without an end, or with a beginning nobody asks about.
        issuer.token(aud="us", exp=None): (200, ""),
        issuer.token(aud="us", iat=now + 1000): (200, ""),
    }
    results = plane.dial("naked", [request(bearer(token) if token else None) for token in table])
    assert {token: told(result) for token, result in zip(table, results, strict=True)} == table
    refused = [result["answer"] for result in results if result["code"] == 401]
    assert all(answer["www-authenticate"].startswith('Bearer realm="http://') for answer in refused)
    assert all(answer["www-authenticate"].endswith('error="invalid_token"') for answer in refused)


def test_a_minute_of_skew_on_both_sides(plane: Plane) -> None:
    issuer, now = Issuer(), int(time.time())
    plane.cluster.tokens("foo", issuer.rule)
    plane.settle()
    # (claim, seconds from now) to the status.
    table = {
        ("exp", -55): 200,
        ("exp", -65): 401,
        ("exp", 0): 200,
        ("nbf", 55): 200,
        ("nbf", 65): 401,
        ("exp", 5): 200,
    }
    times: list[Any] = [{claim: now + seconds} for claim, seconds in table]
    tokens = [issuer.token(**claims) for claims in times]
    assert codes(plane, *(request(bearer(token)) for token in tokens)) == list(table.values())
    # A fraction is cut off; no end, and an end at 0, are for ever.
    ends: dict[Any, int] = {now - 55.5: 200, now - 66.5: 401, 0: 200, -1: 401, 2**65: 401}
    tokens = [issuer.token(exp=end) for end in ends]
    assert codes(plane, *(request(bearer(token)) for token in tokens)) == list(ends.values())


def test_the_documents_ten_samples_at_one_instant(plane: Plane) -> None:
    """A token of five seconds, asked for every ten: seven answers, then three refusals."""
    issuer, now = Issuer(), int(time.time())
    plane.cluster.tokens("foo", issuer.rule)
    plane.settle()
    samples = [issuer.token(iat=now - age, exp=now - age + 5) for age in range(0, 100, 10)]
    assert codes(plane, *(request(bearer(token)) for token in samples)) == [200] * 7 + [401] * 3


def test_tokens_are_looked_for_in_two_places(plane: Plane) -> None:
    issuer = Issuer()
    plane.cluster.tokens("foo", issuer.rule)
    plane.settle()
    good = issuer.token()
    table: list[tuple[dict[str, Any], int]] = [
        (request({"authorization": f"Bearer {good}"}), 200),
        (request(path=f"/?access_token={good}"), 200),
        (request({"authorization": "Bearer deadbeef"}), 401),
        (request(path="/?access_token=deadbeef"), 401),
        # Not a token at all, as far as this is concerned.
        (request({"authorization": "bearer deadbeef"}), 200),
        (request({"authorization": "BEARER deadbeef"}), 200),
        (request({"authorization": "Basic deadbeef"}), 200),
        (request({"authorization": ""}), 200),
        (request({"x-token": "deadbeef"}), 200),
        (request({"cookie": "access_token=deadbeef"}), 200),
        # Every token that is found has to be right.
        (request(bearer(good), path="/?access_token=deadbeef"), 401),
    ]
    assert codes(plane, *(dial for dial, _ in table)) == [code for _, code in table]
    plane.cluster.access("foo", "ALLOW", {"from": [{"source": {"requestPrincipals": ["*"]}}]})
    plane.settle()
    demanded = [401 if code == 401 else 200 if good in str(dial) else 403 for dial, code in table]
    assert codes(plane, *(dial for dial, _ in table)) == demanded


def test_other_places_replace_the_usual_ones(plane: Plane) -> None:
    issuer = Issuer()
    places = {
        "fromHeaders": [{"name": "x-jwt-assertion", "prefix": "Istio "}, {"name": "x-plain"}],
        "fromParams": ["token", "second"],
        "fromCookies": ["session"],
    }
    plane.cluster.tokens("foo", {**issuer.rule, **places})
    plane.cluster.access("foo", "ALLOW", {"from": [{"source": {"requestPrincipals": ["*"]}}]})
    plane.settle()
    good, expired = issuer.token(), issuer.token(exp=1000)
    table = [
        (request({"x-jwt-assertion": f"Istio {good}"}), 200),
        (request({"x-jwt-assertion": good}), 403),
        (request({"x-plain": good}), 200),
        (request(path=f"/?token={good}"), 200),
        (request(path=f"/?second={good}"), 200),
        (request({"cookie": f"other=1; session={good}"}), 200),
        (request(bearer(good)), 403),
        (request(path=f"/?access_token={good}"), 403),
        (request({"x-plain": expired}), 401),
        (request(path=f"/?token={good}&second={expired}"), 401),
    ]
    assert codes(plane, *(dial for dial, _ in table)) == [code for _, code in table]


def claims_of(header: str) -> Any:
    assert "=" not in header
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))


def test_what_the_application_gets(plane: Plane) -> None:
    issuer = Issuer()
    outputs: Any = {
        "outputPayloadToHeader": "x-payload",
        "outputClaimToHeaders": [
            {"header": f"x-{claim.replace('.', '-')}", "claim": claim}
            for claim in ("sub", "iat", "share", "admin", "nested.key")
        ],
    }
    plane.cluster.tokens("foo", {**issuer.rule, **outputs})
    plane.settle()
    claims: Any = {"iat": 1532389700, "share": 2.5, "admin": True, "nested": {"key": "deep"}}
    good = issuer.token(**claims)
    names = ["x-payload", *(output["header"] for output in outputs["outputClaimToHeaders"])]
    forged = dict.fromkeys(names, "forged")
    with_token, without, in_path = plane.dial(
        "naked",
        [
            request({**bearer(good), **forged}),
            request(forged),
            request(path=f"/a?x=1&access_token={good}&y=2"),
        ],
    )
    seen = with_token["headers"]
    assert claims_of(seen.pop("x-payload")) == claims_of(good.split(".")[1])
    assert {name: value for name, value in seen.items() if name in names} == {
        "x-sub": ISSUER,
        "x-iat": "1532389700",
        "x-share": "2.500000",
        "x-admin": "true",
        "x-nested-key": "deep",
    }
    assert "authorization" not in seen
    assert not set(names) & without["headers"].keys()
    assert in_path["path"] == "/a?x=1&y=2"
    plane.cluster.tokens("foo", {**issuer.rule, "forwardOriginalToken": True})
    plane.settle()
    kept, kept_path = plane.dial("naked", [request(bearer(good)), request(path=f"/?access_token={good}")])
    assert kept["headers"]["authorization"] == f"Bearer {good}"
    assert kept_path["path"] == f"/?access_token={good}"


def test_of_one_issuer_the_rule_of_the_own_namespace_says_what_becomes_of_a_token(plane: Plane) -> None:
    issuer = Issuer()
    plane.cluster.tokens("istio-system", issuer.rule, name="a", second=1)
    plane.cluster.tokens("foo", {**issuer.rule, "forwardOriginalToken": True}, name="b", second=2)
    plane.settle()
    [found] = plane.dial("naked", [request(bearer(issuer.token()))])
    assert "authorization" in found["headers"]


def test_several_rules_are_alternatives(plane: Plane) -> None:
    """Also such of several policies, in whatever namespace; an unknown issuer is refused by all of them."""
    one, two, three = Issuer("one"), Issuer("two", key(1)), Issuer("three", key(0, "ES256"))
    cluster = plane.cluster
    cluster.tokens("foo", one.rule, {**two.rule, "audiences": ["bar"]}, name="a")
    cluster.tokens("foo", two.rule, name="b")
    header = [{"name": "x-three"}]
    cluster.tokens("istio-system", {**three.rule, "fromHeaders": header}, selector=label("server"), name="c")
    cluster.tokens("istio-system", Issuer("four").rule, selector=label("client"), name="d")
    plane.settle()
    table = [
        (request(), 200),
        (request(bearer(one.token())), 200),
        (request(bearer(two.token())), 200),
        (request(bearer(two.token(aud="bar"))), 200),
        (request({"x-three": three.token()}), 200),
        (request(bearer(three.token())), 401),
        (request(bearer(Issuer("four").token())), 401),
        (request(bearer(Issuer("one", key(1)).token())), 401),
        (request(bearer("deadbeef")), 401),
        # A token that satisfies a rule is enough, whatever else is there.
        (request({**bearer(one.token()), "x-three": "deadbeef"}), 200),
        (request({**bearer("deadbeef"), "x-three": three.token()}), 200),
    ]
    assert codes(plane, *(dial for dial, _ in table)) == [code for _, code in table]


def label(app: str) -> dict[str, Any]:
    return {"matchLabels": {"app": app}}


@pytest.mark.parametrize(
    "rule",
    [
        {"issuer": ISSUER, "jwksUri": "http://nowhere.example/keys"},
        {"issuer": ISSUER},
        pytest.param(
            {"issuer": ISSUER, "jwks": '{"keys": [{"kty": "PQC", "x": "AAAA"}]}'},
            marks=pytest.mark.reference_only("admission refuses it; it may come from a URI"),
        ),
    ],
)
def test_without_keys_no_token_is_valid_and_none_is_no_harm(plane: Plane, rule: dict[str, Any]) -> None:
    plane.cluster.tokens("foo", rule)
    plane.settle()
    dials = [request(), request(bearer(Issuer().token())), request(bearer("deadbeef"))]
    assert codes(plane, *dials) == [200, 401, 401]


@pytest.mark.parametrize(
    "keys",
    [
        "",
        '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}',
        '{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}',
    ],
)
def test_keys_that_no_proxy_can_use(plane: Plane, keys: str) -> None:
    plane.settle()  # Istio's proxy refuses them, and serves as it did before
    plane.cluster.tokens("foo", {"issuer": ISSUER, "jwks": f'{{"keys": [{keys}]}}'})
    plane.settle()
    dials = [request(), request(bearer(Issuer().token())), request(bearer("deadbeef"))]
    seen = Either("key-set-without-a-key", reference=[200, 401, 401], istio=[200, 200, 200])
    assert codes(plane, *dials) == on(plane.kind, seen)


def test_each_kind_of_key(plane: Plane) -> None:
    algorithms = ("RS256", "ES256", "ES384", "ES512", "EdDSA")
    keys = {algorithm: key(0, algorithm) for algorithm in algorithms}
    rule = {"issuer": ISSUER, "jwks": json.dumps(jwks(keys.values()))}
    plane.cluster.tokens("foo", rule)
    plane.settle()
    dials = [request(bearer(Issuer(key=each).token())) for each in keys.values()]
    assert codes(plane, *dials) == [200] * len(keys)


@pytest.mark.reference_only("admission lets no such rule through")
def test_no_issuer_in_the_rule_means_any(plane: Plane) -> None:
    plane.cluster.tokens("foo", {"jwks": Issuer().rule["jwks"]})
    plane.settle()
    tokens = [Issuer("one").token(), Issuer("two").token(), Issuer(key=key(1)).token()]
    assert codes(plane, *(request(bearer(token)) for token in tokens)) == [200, 200, 401]


def test_a_preflight_needs_no_token(plane: Plane) -> None:
    plane.cluster.tokens("foo", Issuer().rule)
    plane.settle()
    preflight = {"origin": "http://a.example", "access-control-request-method": "GET"}
    table = [
        (request({**bearer("deadbeef"), **preflight}, method="OPTIONS"), 200),
        (request({**bearer("deadbeef"), "origin": "http://a.example"}, method="OPTIONS"), 401),
        (request({**bearer("deadbeef"), **preflight}), 401),
    ]
    assert codes(plane, *(dial for dial, _ in table)) == [code for _, code in table]
    plane.cluster.access("foo", "DENY", {"from": [{"source": {"notRequestPrincipals": ["*"]}}]})
    plane.settle()
    assert codes(plane, table[0][0]) == [403]


def test_policies_take_their_leave(plane: Plane) -> None:
    plane.cluster.tokens("foo", Issuer().rule)
    plane.settle()
    assert codes(plane, request(bearer("deadbeef"))) == [401]
    plane.cluster.clear_policies()
    plane.settle()
    assert codes(plane, request(bearer("deadbeef"))) == [200]


def test_a_client_with_a_sidecar_is_told_the_same(plane: Plane) -> None:
    issuer = Issuer()
    plane.cluster.tokens("foo", issuer.rule)
    plane.cluster.peer("foo", {"mtls": {"mode": "STRICT"}})
    plane.settle()
    dials = [
        {"host": "10.96.0.11", "port": 8000, "headers": headers}
        for headers in ({}, bearer("deadbeef"), bearer(issuer.token()))
    ]
    results = plane.dial("client", dials)
    assert [told(result) for result in results] == [(200, ""), (401, NOT_THREE_PARTS), (200, "")]
