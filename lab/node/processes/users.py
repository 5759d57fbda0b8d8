"""Users of containers, by number or by the name that an image's own /etc/passwd gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class NoSuchUser(LookupError):
    """An image has no user or group of a name; `str` says which."""


@dataclass(frozen=True)
class User:
    """The user of a program, and that user's home directory."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    """Further groups."""
    home: str = "/"

    @classmethod
    def find(cls, text: str, root: Path | None) -> User:
        """The user of `USER[:GROUP]`, each a number or a name in the file system `root`. Raises NoSuchUser.

        As container engines do it: without a group it is the one that /etc/passwd names, or 0; the further
        groups are those of /etc/group, unless a group was given.
        """
        name, _, group = text.partition(":")
        entry = next((e for e in _entries(root, "passwd", 7) if name in (e[0], e[2])), None)
        if entry is None and not name.isdecimal():
            raise NoSuchUser(f'"{name}" is neither a number nor in the image\'s /etc/passwd')
        uid = int(entry[2]) if entry else int(name)
        home = (entry[5] if entry else "") or "/"
        if group:
            return cls(uid, _group(group, root), (), home)
        gid = int(entry[3]) if entry else 0
        return cls(uid, gid, _further(entry[0], root) if entry else (), home)


def _group(name: str, root: Path | None) -> int:
    for entry in _entries(root, "group", 4):
        if name in (entry[0], entry[2]):
            return int(entry[2])
    if not name.isdecimal():
        raise NoSuchUser(f'group "{name}" is neither a number nor in the image\'s /etc/group')
    return int(name)


def _further(user: str, root: Path | None) -> tuple[int, ...]:
    return tuple(int(entry[2]) for entry in _entries(root, "group", 4) if user in entry[3].split(","))


def _entries(root: Path | None, file: str, width: int) -> Iterator[list[str]]:
    """Lines of a file such as /etc/passwd, in fields; nothing for images that see this machine's files."""
    if root is None:
        return
    path = root / "etc" / file
    # A link could lead out of the image.
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        return
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) == width and fields[2].isdecimal() and (width == 4 or fields[3].isdecimal()):
            yield fields
