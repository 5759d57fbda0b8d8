"""Runs in a pod for as long as its stdin is open: one JSON request a line, one JSON answer a line.

{"dial": [...]}: as tests/mesh/dial.py has it; {"get": URL}: the body that comes from there.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "mesh"))
import dial  # type: ignore[import-not-found]


def answer(request: dict[str, Any], pool: ThreadPoolExecutor) -> Any:
    if "dial" in request:
        return list(pool.map(lambda each: dial.dial(**each), request["dial"]))
    try:
        with urllib.request.urlopen(request["get"], timeout=10) as response:
            return response.read().decode()
    except urllib.error.URLError as error:
        return f"{error}"


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as threads:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line), threads)), flush=True)  # noqa: T201
