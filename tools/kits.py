"""Kits: what a mesh is installed from in a lab, made once and kept in the user's cache directory.

A kit is a folder of one version of a mesh: images for the lab, in ``bin/`` the programs that the mesh's
profile calls, and what else that profile names. It lies among the user's images, where every lab finds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

CHOSEN = ".chosen"
"""The link, beside a mesh's kits, to the one that was made last."""

_VERSION = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


class NoKit(LookupError):
    """There is no such kit; the message is one line."""


def home() -> Path:
    """The user's images for labs."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    return base / "mesh-authn-conformance" / "images"


def is_version(text: str) -> bool:
    """Whether a kit can be called so: what the tag of an image can be."""
    return bool(_VERSION.fullmatch(text))


def find(mesh: str) -> Path:
    """The kit of a mesh: of the version that the variable of the mesh's name says, else the one made last.

    NoKit if it is not there.
    """
    place = home() / mesh
    version = os.environ.get(mesh.upper(), "")
    if version and not is_version(version):
        raise NoKit(f"{mesh.upper()}={version} is no version")
    kit = place / (version or CHOSEN)
    if not kit.is_dir():
        what = f"{mesh} {version}" if version else mesh
        raise NoKit(f"{what} is not there for the lab (looked in {place})")
    return kit.resolve()


def choose(kit: Path) -> None:
    """From now on this is the kit of its mesh."""
    link = kit.parent / f"{CHOSEN}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(kit.name)
    link.replace(kit.parent / CHOSEN)


@contextlib.contextmanager
def in_use(kit: Path) -> Iterator[None]:
    """While this lasts, nobody removes the kit."""
    descriptor = os.open(kit, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def is_in_use(kit: Path) -> bool:
    """Whether a run goes on with it."""
    descriptor = os.open(kit, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
