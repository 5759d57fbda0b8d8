#!/usr/bin/env python3
"""Generate a JSON Web Token signed with a private key, and print it.

The options of Istio's gen-jwt.py, under the same names, and more. Examples:

  gen_jwt.py key.pem --expire 5
  gen_jwt.py key.pem --iss example-issuer --aud foo,bar --claims email:foo@example.com,dead:beef
  gen_jwt.py key.pem --generate ES256 --jwks jwks.json      make the key first, write the key set too
  gen_jwt.py key.pem --exp -65                              expired 65 seconds ago
  gen_jwt.py key.pem --header alg=none                      a header that contradicts the signature

Times are Unix seconds, or +N and -N seconds from now. Exit code 2 for anything that cannot be done.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

if __package__ in (None, ""):  # run as a script, as the document does
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import tokens

DEFAULT_ISSUER = "testing@secure.istio.io"
SECOND_LEVEL = "nested-2"


class OneLineParser(argparse.ArgumentParser):
    """argparse, without the usage text in front of each complaint."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = OneLineParser(
        prog="gen_jwt.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("key", help="private key file, PEM or JWK")
    add("-iss", "--iss", default=DEFAULT_ISSUER, help=f"issuer (default {DEFAULT_ISSUER}; '' for none)")
    add("-aud", "--aud", help="audience, or several with commas")
    add("-sub", "--sub", help="subject (default: the issuer)")
    add("-claims", "--claims", metavar="NAME:VALUE,...", help="more claims, as strings")
    add(
        "-listclaim",
        "--listclaim",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="a claim that is a list: its name, then its values; may be repeated",
    )
    add(
        "-nestedclaim",
        "--nestedclaim",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="a list claim inside the claim of --nestedkey, and once more one level below it",
    )
    add("-nestedkey", "--nestedkey", default="nested", help="name of the outer claim (default nested)")
    add("-expire", "--expire", type=int, default=3600, metavar="SECONDS", help="lifetime (default 3600)")
    add(
        "--exp",
        type=moment,
        metavar="TIME",
        default=argparse.SUPPRESS,
        help="expiry, instead of --expire; 'none' leaves it out",
    )
    add("--nbf", type=moment, metavar="TIME", default=argparse.SUPPRESS, help="not valid before")
    add(
        "--iat",
        type=moment,
        metavar="TIME",
        default=argparse.SUPPRESS,
        help="issued at (default now; 'none' leaves it out)",
    )
    add(
        "--alg",
        choices=list(tokens.ALGORITHMS),
        metavar="ALG",
        help=f"one of {', '.join(tokens.ALGORITHMS)} (default: what fits the key)",
    )
    add("--kid", help="key id in the header (default: the key's thumbprint; '' for none)")
    add(
        "--header",
        type=header_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a header parameter, whatever the signature is; an empty value leaves it out",
    )
    add("-jwks", "--jwks", metavar="FILE", help="write the public key set too; '-' prints it, and no token")
    add(
        "--generate",
        choices=list(tokens.ALGORITHMS),
        metavar="ALG",
        help="make a new key for this algorithm first; the key file must not exist",
    )
    return result  # fmt: skip


def moment(text: str) -> int | None:
    """Unix seconds from ``1700000000``, ``+60``, ``-65`` or ``none``; ValueError for anything else."""
    if text == "none":
        return None
    return int(time.time()) + int(text) if text[:1] in "+-" else int(text)


def header_parameter(text: str) -> tuple[str, str | None]:
    """Name and value of ``name=value``; ValueError without a name."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value or None


def claims(options: argparse.Namespace, now: int) -> dict[str, Any]:
    """The payload that the options ask for; ValueError names the option that is wrong."""
    given = vars(options)
    payload: dict[str, Any] = {}
    times = {"exp": given.get("exp", now + options.expire), "iat": given.get("iat", now)}
    times["nbf"] = given.get("nbf")
    payload |= {name: value for name, value in times.items() if value is not None}
    payload |= {"iss": options.iss} if options.iss else {}
    payload |= {"sub": options.sub or options.iss} if options.sub or options.iss else {}
    if options.aud:
        payload["aud"] = options.aud.split(",") if "," in options.aud else options.aud
    for item in options.claims.split(",") if options.claims else []:
        name, colon, value = item.partition(":")
        if not name or not colon:
            raise ValueError(f"--claims: {item!r} is not NAME:VALUE")
        payload[name] = value
    payload |= list_claims("--listclaim", options.listclaim)
    if nested := list_claims("--nestedclaim", options.nestedclaim):
        payload[options.nestedkey] = {**nested, SECOND_LEVEL: nested}
    return payload


def list_claims(option: str, given: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Each group of words as a claim: its name, then its values."""
    for words in given:
        if len(words) < 2:
            raise ValueError(f"{option} {words[0]}: a name and at least one value are needed")
    return {name: values for name, *values in given}


def write_new(path: Path, data: bytes) -> None:
    """Write a private key that only its owner can read; FileExistsError if the file is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def run(options: argparse.Namespace) -> str:
    """What is to be printed: a token, or the key set. Files are written only once all the rest went well."""
    path = Path(options.key)
    payload = claims(options, int(time.time()))
    key = tokens.generate_key(options.generate) if options.generate else tokens.load_key(path.read_bytes())
    kid = {} if options.kid is None else {"kid": options.kid or None}
    token = tokens.mint(key, payload, options.alg or options.generate, {**kid, **dict(options.header)})
    key_set = json.dumps(tokens.jwks([key]))
    if options.generate:
        write_new(path, tokens.pem(key))
    if options.jwks and options.jwks != "-":
        try:
            Path(options.jwks).write_text(key_set + "\n")
        except OSError:
            if options.generate:
                path.unlink()
            raise
    return key_set if options.jwks == "-" else token


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0, or 2 with one line on standard error."""
    options = parser().parse_args(arguments)
    try:
        print(run(options))  # noqa: T201
    except OSError as error:
        print(f"gen_jwt.py: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
    except ValueError as error:
        print(f"gen_jwt.py: {error}", file=sys.stderr)  # noqa: T201
    else:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
