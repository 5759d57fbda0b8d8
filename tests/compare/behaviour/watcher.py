"""Beside istiod: says when it has seen some objects, and when every proxy has accepted what follows.

Standard library only. A line of JSON comes in and one goes out, once it is so:

    {"seen": {"Kind/namespace/name": "resource version"}, "only": ["Kind"...]} -> {"push": number}
    {"accepted": number} -> {"refused": ["proxy: words"...]}

The number is that of istiod's last push before; with the second line every proxy has been sent a later one.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any

DEBUG = "http://127.0.0.1:8080/debug/"
PAUSE_S = 0.01
LIMIT_S = 20.0
UUID = 36
"""The length of what follows the version in a nonce."""


def get(page: str) -> Any:
    with urllib.request.urlopen(DEBUG + page, timeout=LIMIT_S) as answer:
        return json.load(answer)


def until_seen(versions: dict[str, str], only: list[str]) -> dict[str, Any]:
    """Of some kinds, exactly these objects."""
    while True:
        found = {}
        for each in get("configz"):
            meta = each["metadata"]
            if each["kind"] in only:
                found[f"{each['kind']}/{meta['namespace']}/{meta['name']}"] = meta["resourceVersion"]
        if found == versions:
            return {
                "push": max((number(sent) for proxy in get("syncz") for sent, _ in nonces(proxy)), default=0)
            }
        time.sleep(PAUSE_S)


def until_accepted(push: int) -> dict[str, Any]:
    """Every kind of resource that a proxy subscribes to, of a later push than this."""
    while True:
        proxies = get("syncz")
        sent = [pair for proxy in proxies for pair in nonces(proxy)]
        refused = [f"{proxy['proxy']}: {words}" for proxy in proxies for words in errors(proxy)]
        if sent and all(number(one) > push and (one == other or refused) for one, other in sent):
            return {"refused": refused}
        time.sleep(PAUSE_S)


def nonces(proxy: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["sent"], each.get("acked", "")) for each in proxy["resources"].values() if each.get("sent")]


def errors(proxy: dict[str, Any]) -> list[str]:
    return [each["lastError"] for each in proxy["resources"].values() if each.get("lastError")]


def number(nonce: str) -> int:
    return int(nonce[:-UUID].rpartition("/")[2])


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        if "seen" in asked:
            said = until_seen(asked["seen"], asked["only"])
        else:
            said = until_accepted(asked["accepted"])
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
