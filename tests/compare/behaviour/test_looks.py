"""A look says what a mesh did, and nothing that differs between two meshes that do the same."""

from __future__ import annotations

import json
from typing import Any

from tests.compare.behaviour.looks import look

NAMES = {"abc.def": "{alice}", "10.244.0.7": "{foo/sleep}"}


def answer(path: str = "/a", *headers: tuple[str, str]) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": json.dumps({"path": path, "headers": headers})}


def test_the_hash_of_a_certificate_is_left_out_but_not_that_there_is_one() -> None:
    identity = 'By=spiffe://a;Hash={};Subject="";URI=spiffe://b'
    one, other = (
        look(answer("/a", ("x-forwarded-client-cert", identity.format(it))), {}) for it in ("0a", "1b")
    )
    assert one == other
    assert "Hash=" in one


def test_what_the_mesh_tells_the_server_is_there() -> None:
    assert look(answer("/b"), {}) == "200 /b"
    assert look(answer("/b", ("x-user", "alice"), ("x-request-id", "1")), {}) == "200 /b | x-user: alice"
    assert (
        look(answer("/b", ("authorization", "Bearer abc.def")), NAMES)
        == "200 /b | authorization: Bearer {alice}"
    )


def test_a_refusal_has_its_words_and_another_error_only_its_status() -> None:
    denied = {"status": 403, "headers": {}, "body": "RBAC: access denied"}
    assert look(denied, {}) == "403 RBAC: access denied"
    challenge = {"www-authenticate": 'Bearer realm="http://httpbin.foo/"'}
    refused = {"status": 401, "headers": challenge, "body": "Jwt is expired"}
    assert look(refused, {}) == '401 Bearer realm="http://httpbin.foo/" Jwt is expired'
    assert look({"status": 503, "headers": {}, "body": "upstream connect error 10.244.0.7"}, NAMES) == "503"


def test_the_end_of_a_connection_is_curls_exit_code() -> None:
    assert look({"exit": 56}, {}) == "000 exit 56"
