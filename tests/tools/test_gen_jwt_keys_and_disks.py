"""Keys that cannot sign, disks that are full, and the script alone: one line each, and nothing half done."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.common import base64url_decode
from jwcrypto.jwk import JWK

from tests.tools.test_gen_jwt import ROOT, SCRIPT, gen_jwt
from tools import tokens


@pytest.fixture(scope="module")
def members() -> dict[str, Any]:
    """An RSA key as a JWK."""
    return dict(tokens.generate_key("RS256").export_private(as_dict=True))


def complaint(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that the script ends with where something cannot be done."""
    assert (run.returncode, run.stdout) == (2, ""), run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("gen_jwt.py: ")
    return run.stderr.strip().removeprefix("gen_jwt.py: ")


@pytest.mark.parametrize("form", ["PKCS#8", "traditional"])
def test_an_encrypted_key_is_said_to_be_one(form: str, tmp_path: Path) -> None:
    (tmp_path / "plain.pem").write_bytes(tokens.pem(tokens.generate_key("RS256")))
    program = ["rsa", "-traditional"] if form == "traditional" else ["pkey"]
    encrypt = ["openssl", *program, "-in", "plain.pem", "-aes128", "-passout", "pass:x", "-out", "key.pem"]
    subprocess.run(encrypt, cwd=tmp_path, check=True, capture_output=True)
    assert complaint(gen_jwt("key.pem", cwd=tmp_path)) == (
        "key.pem: the private key is encrypted; `openssl pkey -in KEY -out PLAIN` removes the passphrase"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"use": "enc"}, "a JWK that is not for signing: its use is 'enc'"),
        ({"key_ops": ["verify"]}, 'a JWK that is not for signing: its key_ops are ["verify"]'),
        ({"key_ops": []}, "a JWK that is not for signing: its key_ops are []"),
        ({"key_ops": 5}, "not a JWK: its key_ops are no list of texts"),
        ({"key_ops": [["sign"]]}, "not a JWK: its key_ops are no list of texts"),
        ({"p": None}, "an incomplete JWK: it lacks p"),
        ({"dp": None, "qi": None}, "an incomplete JWK: it lacks dp, qi"),
        (dict.fromkeys(("p", "q", "dp", "dq", "qi")), "an incomplete JWK: it lacks p, q, dp, dq, qi"),
        (dict.fromkeys(("d", "p", "q", "dp", "dq", "qi")), "a public key; a private one is needed to sign"),
        ({"n": None}, "not a PEM or JWK key: Missing required value n"),
        ({"kty": None}, "not a PEM or JWK key: Unknown type"),
        ({"kty": ["RSA"]}, "not a JWK: its kty is no text"),
        ({"kid": 5}, "not a JWK: its kid is no text"),
        ({"d": "AQAB"}, "not a valid RSA key: Invalid private key"),
        ({"alg": "ES256"}, "a key of type RSA cannot sign ES256"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_jwk_that_cannot_sign_is_said_in_one_line(
    members: dict[str, Any], change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    changed = {name: value for name, value in {**members, **change}.items() if value is not None}
    (tmp_path / "key.jwk").write_text(json.dumps(changed))
    assert says in complaint(gen_jwt("key.jwk", cwd=tmp_path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"kty": "oct", "k": "AAAA"}', "a shared secret; a private key is needed to sign"),
        ('{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}', "not a valid EC key"),
        ('{"keys": []}', "a key set; one key is needed"),
        ("[1]", "a JSON text, but no object"),
        ('{"kty"', "not a PEM or JWK key: Expecting ':' delimiter"),
        ('{"a":' * 100_000, "not a PEM or JWK key"),
        ("", "not a PEM or JWK key"),
    ],
    ids=["secret", "off the curve", "key set", "list", "cut off", "deep", "empty"],
)
def test_a_text_that_is_no_private_key_is_said_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "key.jwk").write_text(text)
    assert says in complaint(gen_jwt("key.jwk", cwd=tmp_path))


def test_a_jwk_says_with_which_algorithm_it_signs(members: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    path.write_text(json.dumps({**members, "alg": "PS256", "use": "sig", "key_ops": ["sign"]}))
    header = gen_jwt(path).stdout.split(".")[0]
    assert json.loads(base64url_decode(header))["alg"] == "PS256"
    (public,) = json.loads(gen_jwt(path, "--jwks", "-").stdout)["keys"]
    assert set(public) == {"kty", "kid", "n", "e"}, "what a private key is for is not said of a public one"


@pytest.fixture(scope="module")
def key_file(members: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    path.write_bytes(tokens.pem(JWK(**members)))
    return path


def on_a_full_disk(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The script where no file can have a byte: the next best thing to a disk without room."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True, text=True, cwd=cwd, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip


def test_a_token_that_cannot_be_printed_is_said_once(key_file: Path) -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, str(SCRIPT), str(key_file)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (run.returncode, run.stderr) == (2, "gen_jwt.py: standard output: No space left on device\n")


def test_a_standard_output_that_is_closed_is_no_success(key_file: Path) -> None:
    command = f'exec "{sys.executable}" "{SCRIPT}" "{key_file}" >&-'
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "gen_jwt.py: standard output: Bad file descriptor\n")


def test_a_device_without_room_is_named(key_file: Path) -> None:
    assert complaint(gen_jwt(key_file, "--jwks", "/dev/full")) == "/dev/full: No space left on device"


def test_a_key_set_without_room_leaves_the_old_one(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text("old")
    run = on_a_full_disk(str(key_file), "--jwks", "jwks.json", cwd=tmp_path)
    assert complaint(run) == "jwks.json: File too large"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"jwks.json": "old"}


def test_a_key_without_room_is_not_left_half_written(tmp_path: Path) -> None:
    assert (
        complaint(on_a_full_disk("new.pem", "--generate", "ES256", cwd=tmp_path)) == "new.pem: File too large"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_key_whose_token_could_not_be_printed_is_not_left(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, str(SCRIPT), "new.pem", "--generate", "ES256"]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    assert run.returncode == 2
    assert list(tmp_path.iterdir()) == []


def metadata() -> dict[str, Any]:
    """The script's inline metadata, as PEP 723 has it read."""
    pattern = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
    (block,) = re.finditer(pattern, SCRIPT.read_text())
    assert block["type"] == "script"
    return tomllib.loads(
        "".join(line.removeprefix("#").removeprefix(" ") for line in block["content"].splitlines(True))
    )


def needed(name: str) -> set[str]:
    """A distribution and all that it needs itself."""
    requirements = importlib.metadata.requires(name) or []
    plain = {re.split(r"[^A-Za-z0-9._-]", text)[0] for text in requirements if "extra ==" not in text}
    installed = {each for each in plain if any(importlib.metadata.distributions(name=each))}
    return {name}.union(*map(needed, installed))


def test_the_script_runs_with_nothing_but_what_its_metadata_names(key_file: Path, tmp_path: Path) -> None:
    """In an environment of its own with just these, from another working directory, also by a link."""
    asked = metadata()
    assert (
        asked["requires-python"]
        == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for distribution in set().union(*map(needed, asked["dependencies"])):
        for file in importlib.metadata.files(distribution) or ():
            top = Path(str(file)).parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(str(importlib.metadata.distribution(distribution).locate_file(top)))
    (tmp_path / "link.py").symlink_to(SCRIPT)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for script in (str(SCRIPT), "link.py"):
        command = [str(tmp_path / "venv/bin/python"), script, str(key_file)]
        run = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")


def test_a_python_without_jwcrypto_is_told_of_uv(key_file: Path) -> None:
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(key_file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert complaint(run) == "there is no module jwcrypto: run it with `uv run`"


def test_a_copy_outside_of_the_project_says_what_it_lacks(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path)
    command = [sys.executable, "gen_jwt.py", "key.pem"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert complaint(run).startswith("there is no module tools: it runs from its place in the project")
