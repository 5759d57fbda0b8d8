"""The token generator, as a command and as a module; PyJWT and openssl's keys are the other side."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

from tests.programs import ran
from tools import tokens
from tools.gen_jwt import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "gen_jwt.py"


def gen_jwt(*arguments: str | Path, cwd: Path = ROOT, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return ran(main, *map(str, arguments), cwd=cwd, stdin=stdin)


def by_its_command(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd, timeout=60, check=False
    )


def claims_of(printed: str) -> dict[str, object]:
    return jwt.decode(printed.strip(), options={"verify_signature": False})


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    made = gen_jwt(path, "--generate", "RS256")
    assert made.returncode == 0, made.stderr
    return path


def test_the_documents_command_makes_a_token_that_expires_in_5_seconds(key_file: Path) -> None:
    before = int(time.time())
    run = by_its_command("./key.pem", "--expire", "5", cwd=key_file.parent)
    assert run.returncode == 0
    claims = claims_of(run.stdout)
    assert claims["iss"] == claims["sub"] == "testing@secure.istio.io"
    assert before + 5 <= int(str(claims["exp"])) <= int(time.time()) + 5
    assert set(claims) == {"iss", "sub", "iat", "exp"}


def test_times_are_absolute_relative_or_left_out(key_file: Path) -> None:
    now = time.time()
    claims = claims_of(gen_jwt(key_file, "--exp", "-65", "--nbf", "+60", "--iat", "1700000000").stdout)
    assert int(str(claims["exp"])) == pytest.approx(now - 65, abs=10)
    assert int(str(claims["nbf"])) == pytest.approx(now + 60, abs=10)
    assert claims["iat"] == 1700000000
    assert "exp" not in claims_of(gen_jwt(key_file, "--exp", "none").stdout)


def test_header_parameters_can_contradict_the_signature(key_file: Path) -> None:
    token = gen_jwt(key_file, "--kid", "other", "--header", "alg=none", "--header", "typ=").stdout.strip()
    assert jwt.get_unverified_header(token) == {"alg": "none", "kid": "other"}


def test_the_key_set_is_written_like_istios_demo_set(key_file: Path, tmp_path: Path) -> None:
    written = tmp_path / "jwks.json"
    token = gen_jwt(key_file, "--jwks", written).stdout.strip()
    (key,) = json.loads(written.read_text())["keys"]
    assert set(key) == {"kty", "kid", "n", "e"}
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert json.loads(gen_jwt(key_file, "--jwks", "-").stdout) == {"keys": [key]}


def test_a_made_key_is_its_owners_alone(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("algorithm", tokens.ALGORITHMS)
def test_what_we_sign_pyjwt_verifies(algorithm: str) -> None:
    key = tokens.generate_key(algorithm)
    token = tokens.mint(key, {"sub": "a"}, algorithm)
    public = jwt.PyJWK.from_dict(tokens.jwks([key])["keys"][0], algorithm)
    assert jwt.decode(token, public.key, algorithms=[algorithm]) == {"sub": "a"}
    head, _, signature = token.split(".")
    payload = tokens.mint(key, {"sub": "b"}, algorithm).split(".")[1]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{payload}.{signature}", public.key, algorithms=[algorithm])


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES512", "EdDSA"])
def test_what_pyjwt_signs_with_our_key_jwcrypto_verifies(algorithm: str) -> None:
    key = tokens.generate_key(algorithm)
    token = jwt.encode({"sub": "a"}, tokens.pem(key), algorithm=algorithm)
    public = JWK.from_json(json.dumps(tokens.jwks([key])["keys"][0]))
    assert json.loads(JWT(jwt=token, key=public, algs=[algorithm]).claims) == {"sub": "a"}


def test_a_key_made_elsewhere_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "genrsa", "-traditional", "-out", path, "2048"], check=True, capture_output=True
    )
    assert "BEGIN RSA PRIVATE KEY" in path.read_text()
    assert gen_jwt(path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: key"),
        (["nosuch.pem"], "nosuch.pem: No such file or directory"),
        (["bad.pem"], "bad.pem: not a PEM or JWK key"),
        (["good.pem", "--expire", "soon"], "argument -expire/--expire: invalid int value: 'soon'"),
        (["good.pem", "--exp", "soon"], "argument --exp: invalid moment value: 'soon'"),
        (["good.pem", "--claims", "novalue"], "--claims: 'novalue' is not NAME:VALUE"),
        (["good.pem", "--listclaim", "alone"], "--listclaim alone: a name and at least one value are needed"),
        (["good.pem", "--header", "alg"], "argument --header: 'alg' is not NAME=VALUE"),
        (["good.pem", "--alg", "HS256"], "argument --alg: invalid choice: 'HS256'"),
        (["good.pem", "--alg", "ES256"], "a key of type RSA cannot sign ES256"),
        (["good.pem", "--generate", "RS256"], "good.pem: File exists"),
        (["good.pem", "--jwks", "./good.pem"], "--jwks: ./good.pem is the file of the private key"),
        (
            ["new.pem", "--generate", "RS256", "--jwks", "new.pem"],
            "--jwks: new.pem is the file of the private",
        ),
        (["new.pem", "--generate", "RS256", "--alg", "ES256"], "a key of type RSA cannot sign ES256"),
        (
            ["new.pem", "--generate", "RS256", "--jwks", "nosuch/jwks"],
            "nosuch/jwks: No such file or directory",
        ),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    key_file: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "good.pem").write_bytes(key_file.read_bytes())
    (tmp_path / "bad.pem").write_text("nothing of the kind")
    run = gen_jwt(*arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("gen_jwt.py: ")
    assert complaint in run.stderr
    assert run.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.pem", "good.pem"]
