"""The generator beside Istio's own, option by option: the committed table is what that one printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from jwcrypto.jwk import JWK

from tests.tools.test_gen_jwt import gen_jwt
from tools import gen_jwt as script

TABLE = yaml.safe_load(Path(__file__).with_name("istio_gen_jwt.yaml").read_text())
SAME, DIFFERENT = TABLE["same"], TABLE["different"]

ISTIOS_OPTIONS = {"iss", "aud", "sub", "claims", "jwks", "expire", "nestedkey", "listclaim", "nestedclaim"}


def named(row: dict[str, Any]) -> str:
    return " ".join(row["arguments"]) or "no option"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    assert gen_jwt(path, "--generate", "RS256").returncode == 0
    return path


def held_against(row: dict[str, Any], printed: str) -> None:
    claims = jwt.decode(printed.strip(), options={"verify_signature": False})
    issued = claims.pop("iat")
    if "lifetime" in row:
        assert claims.pop("exp") - issued == row["lifetime"]
    assert claims == row["claims"]


@pytest.mark.parametrize("row", SAME, ids=named)
def test_an_option_gives_what_istios_gives(row: dict[str, Any], key_file: Path) -> None:
    run = gen_jwt(key_file, *row["arguments"])
    assert run.stderr == ""
    held_against(row, run.stdout)


@pytest.mark.parametrize("row", DIFFERENT, ids=named)
def test_an_option_differs_for_a_reason(row: dict[str, Any], key_file: Path, tmp_path: Path) -> None:
    run = gen_jwt(tmp_path / "new.pem" if row["option"] == "key" else key_file, *row["arguments"])
    assert row["because"]
    if "refused" in row:
        assert (run.returncode, run.stdout, run.stderr) == (2, "", f"gen_jwt.py: {row['refused']}\n")
    else:
        held_against(row, run.stdout)


def test_header_and_key_set_are_like_istios(key_file: Path, tmp_path: Path) -> None:
    thumbprint = JWK.from_pem(key_file.read_bytes()).thumbprint()
    run = gen_jwt(key_file, "-jwks", tmp_path / "jwks.json")
    assert jwt.get_unverified_header(run.stdout.strip()) == {"alg": "RS256", "typ": "JWT", "kid": thumbprint}
    written = yaml.safe_load((tmp_path / "jwks.json").read_text())
    public = JWK.from_pem(key_file.read_bytes()).export_public(as_dict=True)
    assert written == {"keys": [public]}
    assert set(public) == {"kty", "kid", "n", "e"}


def test_each_of_istios_options_is_here_under_both_spellings_and_has_a_row() -> None:
    known = {option for action in script.parser()._actions for option in action.option_strings}
    assert {f"{dashes}{name}" for name in ISTIOS_OPTIONS for dashes in ("-", "--")} <= known
    rows = {row["option"].lstrip("-") for row in SAME}
    assert ISTIOS_OPTIONS - rows == {"jwks"}, "its row is the test above: it gives a file"
