"""Where image folders are looked for. (A small module: every `lab up` reads it.)"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "LAB_IMAGES"
"""Directories with images besides the user's own, as in PATH."""


class BadImage(Exception):
    """A folder or archive is not a usable image; `str` is one line: where, and why."""


class MachineLacks(Exception):
    """This machine lacks what is needed to add an image: a program, or space; `str` is one line."""


def own() -> Path:
    """The user's own directory of images, in which `python -m lab images` puts them."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/")  # a user whom nobody knows has none
    base = Path(cache) if cache.startswith("/") else home / ".cache"
    return base / "mesh-authn-conformance" / "images"


def asked_for(given: Sequence[Path]) -> list[tuple[str, Path]]:
    """(where it is named, directory) for those of option --images, then those of the variable."""
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    return [
        *(("--images", directory) for directory in given),
        *((f"${VARIABLE}", Path(directory)) for directory in named),
    ]
