"""The file systems of containers that see something else than this machine's files.

Everything is done by a process in a mount namespace of its own, of which nothing is seen elsewhere.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.node.processes import syscalls

_STAGE = "/tmp"
"""Where trees are put together; the container gets a directory of its own there, or has none."""

_KERNELS = ("/dev", "/proc", "/sys")
"""What every container has, whatever its image."""

_SCRATCH = "mode=755,size=1g"

_NOBODY = int(Path("/proc/sys/kernel/overflowuid").read_text())
"""Who is shown as the owner of what belongs to a user that does not exist in a namespace."""


def show_root(image: int, added: Sequence[str]) -> None:
    """Makes a detached tree the root, with a layer for changes on top and the kernel's own directories.

    Paths `added` may be made in it.
    """
    kernels = {path: syscalls.open_tree(path, recursive=True) for path in _KERNELS}
    syscalls.mount_tmpfs(_STAGE, _SCRATCH)
    root = Path(_STAGE, "root")
    _overlay(root, [_staged(image, "image")], "top", _KERNELS + tuple(added))
    for path, tree in kernels.items():
        place = root / path[1:]
        place.mkdir(exist_ok=True)
        syscalls.move_mount(tree, str(place))
    syscalls.change_root(str(root))


def extend_machine(image: int | None, missing: Sequence[str], left_out: Sequence[str]) -> None:
    """Lays the tree of an image over the machine's, and makes it possible to add the `missing` paths.

    Only directories to which something is added change: they get a layer for changes. The top-level
    directories `left_out` are the caller's to fill.
    """
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for path in missing:
        wanted[_existing_above(path)]  # that it is there is enough
    if image is None and not wanted:
        return
    syscalls.mount_tmpfs(_STAGE, _SCRATCH)
    if image is not None:
        staged = _staged(image, "image")
        for directory, source in _additions(staged):
            wanted[directory].append(source)
    root = wanted.pop("/", None)
    for number, directory in enumerate(sorted(wanted)):
        if not wanted[directory] and any(
            is_below(directory, other) for other in wanted if other != directory
        ):
            continue
        inside = [path.removeprefix(directory) for path in missing if is_below(path, directory)]
        _overlay(Path(directory), [*wanted[directory], directory], str(number), inside)
    if root is None:
        syscalls.unmount(_STAGE)
    else:
        _replace_root(root, missing, left_out)


def _replace_root(sources: Sequence[str], missing: Sequence[str], left_out: Sequence[str]) -> None:
    """A new root with what the machine's has, and with what the image has besides.

    Not an overlay as elsewhere: of a directory with mounts in it an ordinary user can make none.
    """
    root = Path(_STAGE, "root")
    root.mkdir()
    syscalls.mount_tmpfs(str(root), _SCRATCH)
    for entry in Path("/").iterdir():
        place = root / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif str(entry) in left_out:
            place.mkdir()
        else:
            _make_like(place, entry)
            syscalls.move_mount(syscalls.open_tree(str(entry), recursive=True), str(place))
    for source in sources:
        for entry in Path(source).iterdir():
            if (place := root / entry.name).exists() and not entry.is_dir():
                continue
            if entry.is_symlink():
                place.symlink_to(entry.readlink())
            elif not entry.is_dir():
                place.touch()
                syscalls.move_mount(syscalls.open_tree(str(entry)), str(place))
            elif not place.exists():
                inside = [
                    path.removeprefix(f"/{entry.name}")
                    for path in missing
                    if is_below(path, f"/{entry.name}")
                ]
                _overlay(place, [str(entry)], f"root-{entry.name}", inside)
    syscalls.change_root(str(root))


def _additions(staged: str) -> list[tuple[str, str]]:
    """(directory of the machine, directory of the image) for each that the image adds entries to."""
    found = []
    for path, directories, files in os.walk(staged):
        here = os.path.realpath(path.removeprefix(staged) or "/")
        new = [d for d in directories if not Path(here, d).is_dir() or Path(path, d).is_symlink()]
        if new or files:
            found.append((here, path))
        directories[:] = [name for name in directories if name not in new]
    return _uppermost(found)


def _uppermost(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without those that an overlay higher up shows as well. (It does not where the machine has a link.)"""
    kept: list[tuple[str, str]] = []
    for directory, source in found:
        if not any(_shown_by(directory, source, *other) for other in kept):
            kept.append((directory, source))
    return kept


def _shown_by(directory: str, source: str, above: str, origin: str) -> bool:
    if above == "/" or not (is_below(directory, above) and is_below(source, origin)):
        return False
    return directory[len(above) :] == source[len(origin) :]


def is_below(path: str, top: str) -> bool:
    """Whether a path is another one, or lies below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def _existing_above(path: str) -> str:
    place = Path(path).parent
    while not place.is_dir():
        place = place.parent
    return str(place)


def _staged(tree: int, name: str) -> str:
    place = Path(_STAGE, name)
    place.mkdir()
    syscalls.move_mount(tree, str(place))
    return str(place)


def _overlay(target: Path, lowers: Sequence[str], scratch: str, added: Iterable[str] = ()) -> None:
    """Lays trees over one another; paths `added`, below the target, may be made in it."""
    target.mkdir(exist_ok=True)
    upper, work = Path(_STAGE, scratch, "upper"), Path(_STAGE, scratch, "work")
    for directory in (upper.parent, upper, work):
        directory.mkdir(mode=0o755)
    for path in added:
        _take_over(path, lowers, upper)
    syscalls.mount_overlay(str(target), lowers, str(upper), str(work))


def _take_over(path: str, lowers: Sequence[str], upper: Path) -> None:
    """Makes those directories above a path ours that belong to somebody who does not exist here.

    In an ordinary user's namespace that is whoever is not in the user's range: not even its root can make
    anything in them.
    """
    directory = Path()
    for part in Path(path.lstrip("/")).parts[:-1]:
        directory /= part
        found = next((lower / directory for lower in map(Path, lowers) if (lower / directory).exists()), None)
        if found is None or found.is_symlink() or not found.is_dir() or found.stat().st_uid != _NOBODY:
            return
        (upper / directory).mkdir(exist_ok=True)
        (upper / directory).chmod(found.stat().st_mode & 0o7777)


def _make_like(place: Path, entry: Path) -> None:
    if entry.is_dir():
        place.mkdir()
    else:
        place.touch()
