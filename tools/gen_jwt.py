#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["jwcrypto"]
# ///
"""Generate a JSON Web Token signed with a private key, and print it.

The options of Istio's gen-jwt.py, under the same names, and more. Examples:

  gen_jwt.py key.pem --expire 5
  gen_jwt.py key.pem --iss example-issuer --aud foo,bar --claims email:foo@example.com,dead:beef
  gen_jwt.py key.pem --generate ES256 --jwks jwks.json      make the key first, write the key set too
  gen_jwt.py key.pem --exp -65                              expired 65 seconds ago
  gen_jwt.py key.pem --header alg=none                      a header that contradicts the signature
  gen_jwt.py --decode "$TOKEN" jwks.json                    show a token, and check its signature

Times are Unix seconds, or +N and -N seconds from now. Exit code 2 for anything that cannot be done, 1 where
--decode was given a key and the signature is not right. `uv run` brings what the script needs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

if __package__ in (None, ""):  # run as a script, as the document does
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    from jwcrypto.jwk import JWK

    from tools import decoded, tokens
    from tools.whole_files import naming, new_key_file, replace, say
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    HOW = "run it with `uv run`" if missing.name == "jwcrypto" else "it runs from its place in the project"
    sys.exit(sys.stderr.write(f"gen_jwt.py: there is no module {missing.name}: {HOW}\n") and 2)

DEFAULT_ISSUER = "testing@secure.istio.io"
SECOND_LEVEL = "nested-2"

Read = TypeVar("Read")


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
    add("key", nargs="?", help="private key file, PEM or JWK")
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
        help="a claim inside the claim of --nestedkey, and once more one level below it: its name, then its "
        "value, or several for a list; may be repeated",
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
    add(
        "--decode",
        metavar="TOKEN",
        help="show a token instead; '-' reads it from standard input. With a key (PEM, JWK or a key set, "
        "public ones will do) its signature is checked",
    )
    return result


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; SystemExit with one line on standard error where they do not go together."""
    reader = parser()
    options = reader.parse_args(arguments)
    if options.decode is None:
        if options.key is None:
            reader.error("the following arguments are required: key")
        return options
    usual = vars(reader.parse_args([]))
    others = (name for name, value in vars(options).items() if value != usual.get(name))
    if other := next((name for name in others if name not in ("decode", "key")), None):
        reader.error(f"argument --{other}: not allowed with argument --decode")
    return options


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
    payload["sub"] = options.sub or options.iss
    if options.aud:
        payload["aud"] = options.aud.split(",") if "," in options.aud else options.aud
    for item in options.claims.split(",") if options.claims else []:
        name, colon, value = item.partition(":")
        if not name or not colon:
            raise ValueError(f"--claims: {item!r} is not NAME:VALUE")
        payload[name] = value
    payload |= list_claims("--listclaim", options.listclaim)
    if nested := list_claims("--nestedclaim", options.nestedclaim):
        inner = {name: values if len(values) > 1 else values[0] for name, values in nested.items()}
        payload[options.nestedkey] = {**inner, SECOND_LEVEL: inner}
    return payload


def list_claims(option: str, given: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Each group of words as a claim: its name, then its values."""
    for words in given:
        if len(words) < 2:
            raise ValueError(f"{option} {words[0]}: a name and at least one value are needed")
    return {name: values for name, *values in given}


def generate(options: argparse.Namespace) -> int:
    """Print a token or the key set; files are left only if all went well."""
    path = Path(options.key)
    if options.jwks and options.jwks != "-" and Path(options.jwks).resolve() == path.resolve():
        raise ValueError(f"--jwks: {options.jwks} is the file of the private key")
    payload = claims(options, int(time.time()))
    if options.generate:
        key = tokens.generate_key(options.generate)
        token = mint(key, payload, options)
        with new_key_file(path, tokens.pem(key)):
            hand_out(key, token, options.jwks)
    else:
        key = of_file(path, tokens.load_key)
        hand_out(key, mint(key, payload, options), options.jwks)
    return 0


def mint(key: JWK, payload: dict[str, Any], options: argparse.Namespace) -> str:
    """The token that the options ask for."""
    kid = {} if options.kid is None else {"kid": options.kid or None}
    return tokens.mint(key, payload, options.alg or options.generate, {**kid, **dict(options.header)})


def hand_out(key: JWK, token: str, jwks: str | None) -> None:
    """Print the token; the public key set to a file, or instead of the token."""
    key_set = json.dumps(tokens.jwks([key]))
    if jwks and jwks != "-":
        replace(Path(jwks), key_set + "\n")
    say(key_set if jwks == "-" else token)


def show(options: argparse.Namespace) -> int:
    """Print what is in a token; 1 if its signature was checked and is not right."""
    text = sys.stdin.read() if options.decode == "-" else options.decode
    token = decoded.decode(text.strip())
    keys = of_file(Path(options.key), tokens.load_public_keys) if options.key else []
    verdict = decoded.check(token, keys, options.key)
    say("\n".join(decoded.lines(token, verdict, time.time())))
    return int(verdict.wrong)


def of_file(path: Path, read: Callable[[bytes], Read]) -> Read:
    """What is in a file; BadKey names it."""
    with naming(path):
        data = path.read_bytes()
    try:
        return read(data)
    except tokens.BadKey as error:
        raise tokens.BadKey(f"{path}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0, or 2 with one line on standard error, or 1 for a signature that is not right."""
    options = parsed(arguments)
    try:
        return generate(options) if options.decode is None else show(options)
    except OSError as error:
        print(f"gen_jwt.py: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
    except ValueError as error:
        print(f"gen_jwt.py: {error}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
