"""The users that exist in a lab: all of them for root; for an ordinary user only root, or a range of users.

Programs of images run as users of their own (Istio's as 1337). An ordinary user's user namespace has these
where /etc/subuid and /etc/subgid give the user a range, which newuidmap and newgidmap put into effect.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from lab.host import preconditions

_PROGRAMS = ("newuidmap", "newgidmap")
_RANGES = ("/etc/subuid", "/etc/subgid")
_ENOUGH = 10_000
"""How many IDs a range must have for the users of images."""

_UTIL_LINUX = (2, 38)
"""The first version of util-linux whose `unshare` maps ranges."""


def user_namespace() -> list[str]:
    """Options of `unshare`: none if namespaces can be created without a user namespace."""
    if preconditions.privileged():
        return []
    return ["--user", "--map-root-user", *([] if only_root() else ["--map-auto"])]


def only_root() -> str:
    """Why programs of pods can only run as root here, and what to do about it; "" if that is not so."""
    if preconditions.privileged():
        return ""
    path = preconditions.search_path()
    name = _name()
    for program in _PROGRAMS:
        if shutil.which(program, path=path) is None:
            return f"{program} is missing: apt-get install uidmap"
    for file in _RANGES:
        if not _has_range(Path(file), name):
            return (
                f"{file} gives {name} no range of {_ENOUGH} ids: "
                f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
            )
    if _version_of_unshare() < _UTIL_LINUX:
        return f"unshare is older than util-linux {_UTIL_LINUX[0]}.{_UTIL_LINUX[1]} and maps no ranges of ids"
    return ""


def remove(tree: Path) -> None:
    """Removes a tree that programs of such users may have written to, as far as possible."""
    shutil.rmtree(tree, ignore_errors=True)
    if tree.exists() and (namespace := user_namespace()):
        subprocess.run(
            ["unshare", *namespace, "rm", "-rf", "--", str(tree)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PATH": preconditions.search_path()},
        )


def _name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _has_range(file: Path, name: str) -> bool:
    """Whether one of a file's lines (`USER:FIRST:COUNT`) gives a user, by name or number, a range."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return False
    for line in lines:
        owner, _, rest = line.partition(":")
        count = rest.rpartition(":")[2].strip()
        if owner in (name, str(os.geteuid())) and count.isdecimal() and int(count) >= _ENOUGH:
            return True
    return False


def _version_of_unshare() -> tuple[int, int]:
    done = subprocess.run(
        ["unshare", "--version"],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": preconditions.search_path()},
    )
    match = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)
