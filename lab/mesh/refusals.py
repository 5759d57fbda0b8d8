"""How a validating webhook looks at an object of unknown shape, and how it says no."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lab.kube.store import Denied

HEADER_NAME = re.compile(r":?[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2; and the pseudo headers of HTTP/2. Envoy refuses a listener with any other."""


def refuse_for(problems: Iterable[str]) -> None:
    """Raises Denied with every problem at once, if there is any."""
    if found := list(problems):
        raise Denied("configuration is invalid: " + (found[0] if len(found) == 1 else listed(found)))


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one: the schema will say so."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one: the schema will say so."""
    return value if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts in a list, if it is one."""
    return [each for each in sequence(value) if isinstance(each, str)]


def listed(problems: list[str]) -> str:
    """Several problems as Go's multierror prints them; one alone is a list, too, where Istio makes it one."""
    lines = "".join(f"\n\t* {problem}" for problem in problems)
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return f"{count} occurred:{lines}\n\n"
