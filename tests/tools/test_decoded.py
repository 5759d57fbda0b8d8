"""Showing a token: what is in it, when it expires, and never more about its signature than was checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.test_gen_jwt import by_its_command, gen_jwt
from tools import decoded, tokens

NOW = 1_700_000_000
KEY = tokens.generate_key("ES256")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "key.pem").write_bytes(tokens.pem(KEY))
    (folder / "public.pem").write_bytes(tokens.public_pem(KEY))
    (folder / "jwks.json").write_text(json.dumps(tokens.jwks([tokens.generate_key("RS256"), KEY])))
    (folder / "jwk.json").write_text(json.dumps(tokens.jwks([KEY])["keys"][0]))
    (folder / "other.pem").write_bytes(tokens.pem(tokens.generate_key("ES256")))
    return folder


def test_a_token_is_shown_with_its_times_in_words(place: Path) -> None:
    run = gen_jwt("--decode", tokens.mint(KEY, {"sub": "a", "exp": 1, "iat": 0}))
    assert run.returncode == 0
    header, claims = (
        json.loads(run.stdout.split(f"{name}: ")[1].split("\n}")[0] + "}") for name in ("header", "claims")
    )
    assert header == {"alg": "ES256", "typ": "JWT", "kid": tokens.key_id(KEY)}
    assert claims == {"sub": "a", "exp": 1, "iat": 0}
    exp, iat, signature = run.stdout.splitlines()[-3:]
    assert exp.startswith("exp: 1970-01-01 00:00:01 UTC, expired 5")
    assert exp.endswith(" years ago")
    assert iat.startswith("iat: 1970-01-01 00:00:00 UTC, issued ")
    assert signature == "signature: not verified, no key was given"


@pytest.mark.parametrize("file", ["key.pem", "public.pem", "jwks.json", "jwk.json"])
def test_a_signature_is_verified_with_a_key_that_is_given(file: str, place: Path) -> None:
    run = gen_jwt("--decode", tokens.mint(KEY, {}), file, cwd=place)
    assert run.returncode == 0
    assert run.stdout.endswith(f"signature: verified with {file} (kid {tokens.key_id(KEY)})\n")


def test_a_token_is_read_from_standard_input(place: Path) -> None:
    shown = "signature: not verified, no key was given\n"
    run = by_its_command("--decode", "-", cwd=place, stdin=tokens.mint(KEY, {}) + "\n")
    assert run.stdout.endswith(shown)


def forged() -> str:
    header, _, signature = tokens.mint(KEY, {"sub": "a"}).split(".")
    return ".".join((header, tokens.mint(KEY, {"sub": "b"}).split(".")[1], signature))


@pytest.mark.parametrize(
    ("token", "file", "says"),
    [
        (forged(), "key.pem", "WRONG, not made by the key in key.pem"),
        (tokens.mint(KEY, {}), "other.pem", "WRONG, not made by the key in other.pem"),
        (tokens.mint_unsigned({}), "key.pem", "none, this token is not signed"),
        (
            tokens.mint_symmetric(tokens.public_pem(KEY), {}),
            "public.pem",
            "not verified, there is no way to check",
        ),
        (tokens.mint(KEY, {}, header={"alg": "RS256"}), "key.pem", "WRONG, not made by the key in key.pem"),
        (tokens.mint(KEY, {})[:-8], "key.pem", "WRONG, not made by the key in key.pem"),
    ],
    ids=["forged", "another key", "unsigned", "signed with the public key", "another algorithm", "cut off"],
)
def test_a_signature_that_is_not_right_is_never_called_verified(
    token: str, file: str, says: str, place: Path
) -> None:
    run = gen_jwt("--decode", token, file, cwd=place)
    assert run.returncode == 1
    last = run.stdout.splitlines()[-1]
    assert last.startswith(f"signature: {says}")
    assert "verified with" not in last


def test_an_unsigned_token_without_a_key_is_called_so(place: Path) -> None:
    run = gen_jwt("--decode", tokens.mint_unsigned({}))
    assert run.stdout.endswith("signature: none, this token is not signed\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--decode", "deadbeef"], "no signed token: those have three parts between dots, this one has 1"),
        (["--decode", "a.b.c.d.e"], "an encrypted token (JWE), which only its recipient can read"),
        (["--decode", "a.b.c"], "no token: its header is no JSON in base64url"),
        (["--decode", "e30.W10.c"], "no token: its claims is JSON, but no object"),
        (["--decode", "e30.e30.#"], "no token: its signature is no base64url"),
        (["--decode", "e30.e30.", "nosuch.pem"], "nosuch.pem: No such file or directory"),
        (["--decode", "e30.e30.", "--exp", "5"], "argument --exp: not allowed with argument --decode"),
        (["--decode", "e30.e30.", "--iss", "a"], "argument --iss: not allowed with argument --decode"),
    ],
)
def test_what_is_no_token_is_said_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    run = gen_jwt(*arguments, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", f"gen_jwt.py: {says}\n")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("exp", NOW + 5, "2023-11-14 22:13:25 UTC, expires in 5 seconds"),
        ("exp", NOW - 1, "2023-11-14 22:13:19 UTC, expired 1 second ago"),
        ("exp", NOW + 3599.5, "2023-11-14 23:13:19 UTC, expires in 59 minutes"),
        ("nbf", NOW + 86_400, "2023-11-15 22:13:20 UTC, not valid for another 1 day"),
        ("nbf", NOW - 7200, "2023-11-14 20:13:20 UTC, valid since 2 hours ago"),
        ("iat", NOW + 60, "2023-11-14 22:14:20 UTC, issued 1 minute in the future"),
        ("exp", "soon", '"soon" is no time; a number of Unix seconds is expected'),
        ("exp", True, "true is no time; a number of Unix seconds is expected"),
        ("exp", None, "null is no time; a number of Unix seconds is expected"),
        ("exp", float("nan"), "NaN is no time; a number of Unix seconds is expected"),
        ("exp", 10**30, f"{10**30} is outside of the calendar"),
    ],
)
def test_times_in_words(name: str, value: object, words: str) -> None:
    assert decoded.when(name, value, NOW) == words
