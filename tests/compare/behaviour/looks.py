"""What became of a request, with nothing in it that differs between two meshes that behave alike."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

TOLD_BY_THE_MESH = ("authorization", "x-token", "x-user", "x-groups", "x-payload", "x-level", "cookie")
REFUSALS = (401, 403)
ANSWERED = 200

_HASH = re.compile(r"Hash=[0-9a-f]+")


def look(result: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """One line: status or curl's exit code, and what the server was told, or why the request was refused.

    `names` are those of tokens and addresses, by their text.
    """
    if "exit" in result:
        return f"000 exit {result['exit']}"
    status, body = result["status"], result["body"]
    if status in REFUSALS:
        challenge = result["headers"].get("www-authenticate", "")
        return _named(" ".join(filter(None, (str(status), challenge, body))), names)
    if status != ANSWERED or not body:
        return str(status)
    try:
        said = json.loads(body)
    except ValueError:
        return f"{status} {body[:60]}"
    told = [said["path"]]
    for name, value in said["headers"]:
        if name == "x-forwarded-client-cert":
            told.append(_HASH.sub("Hash=...", value))
        elif name in TOLD_BY_THE_MESH:
            told.append(f"{name}: {value}")
    return _named(f"{status} {' | '.join(told)}", names)


def _named(text: str, names: Mapping[str, str]) -> str:
    for value, name in names.items():
        text = text.replace(value, name)
    return text
