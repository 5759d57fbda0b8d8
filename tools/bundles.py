"""Bundles: what a mesh is installed from in a lab, made once and kept in the user's cache directory.

A bundle is a folder of one version of a mesh: images for the lab, in ``bin/`` the programs that the mesh's
profile calls, and what else that profile names. It lies among the user's images, where every lab finds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHOSEN = ".chosen"
"""The link, beside a mesh's bundles, to the one that was made last."""

MADE = "bundle.yaml"
"""What a bundle says of itself: mesh, version, commit. Written last: a folder without it is no bundle."""

FORMAT = 1
"""Of what is in a bundle: one of another format is made again."""

_VERSION = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


class NoBundle(LookupError):
    """There is no such bundle; the message is one line."""


def home() -> Path:
    """The user's images for labs."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    return base / "mesh-authn-conformance" / "images"


def is_version(text: str) -> bool:
    """Whether a bundle can be called so: what the tag of an image can be."""
    return bool(_VERSION.fullmatch(text))


def find(mesh: str) -> Path:
    """The bundle of a mesh: of the version that the variable of the mesh's name says, else the one made last.

    NoBundle if it is not there.
    """
    place = home() / mesh
    version = os.environ.get(mesh.upper(), "")
    if version and not is_version(version):
        raise NoBundle(f"{mesh.upper()}={version} is no version")
    bundle = place / (version or CHOSEN)
    if not is_whole(bundle):
        what = f"{mesh} {version}" if version else mesh
        raise NoBundle(f"{what} is not there for the lab (looked in {place})")
    return bundle.resolve()


def is_whole(bundle: Path) -> bool:
    """Whether this is a bundle that was made to its end, and as they are made today."""
    return (bundle / MADE).is_file() and _made(bundle).get("format") == FORMAT


def described(bundle: Path) -> str:
    """What is in a bundle, in a few words."""
    made = _made(bundle)
    return f"{made['mesh']} {made['version']}, commit {made['commit']}"


def write(bundle: Path, mesh: str, version: str, commit: str) -> None:
    """Say that a bundle is whole, and what is in it."""
    made = {"mesh": mesh, "version": version, "commit": commit, "format": FORMAT}
    (bundle / MADE).write_text(yaml.safe_dump(made, sort_keys=False))


def version_of(bundle: Path) -> str:
    """The version of the programs in a bundle, which need not be its name."""
    return str(_made(bundle)["version"])


def _made(bundle: Path) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((bundle / MADE).read_text())
    return made


def choose(bundle: Path) -> None:
    """From now on this is the bundle of its mesh."""
    link = bundle.parent / f"{CHOSEN}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(bundle.name)
    link.replace(bundle.parent / CHOSEN)


@contextlib.contextmanager
def in_use(bundle: Path) -> Iterator[None]:
    """While this lasts, nobody removes the bundle."""
    descriptor = os.open(bundle, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def is_in_use(bundle: Path) -> bool:
    """Whether a run goes on with it."""
    descriptor = os.open(bundle, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
