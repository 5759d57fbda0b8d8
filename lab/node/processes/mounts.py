"""What a container sees of the file system: that of its image, or the host's tree, read-only, with a private
/tmp, /run and /dev.

The part that is the same for all containers is built once and kept as a mount namespace (the template); a
container's own namespace is a copy of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.node.processes import rootfs, syscalls

PRIVATE = ("/tmp", "/run")
"""Directories that are empty and writable in every container, and removed with it."""

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
    "ptmx": "pts/ptmx",
}


@dataclass(frozen=True)
class Bind:
    """A file or directory of the node shown at a path of the container.

    An `optional` one is left out where the container's tree has no such path and cannot get one.
    """

    source: str
    target: str
    writable: bool = False
    optional: bool = False


@dataclass(frozen=True)
class View:
    """What a program sees of the file system. `files` and `root` exclude each other."""

    binds: Sequence[Bind] = ()
    files: str | None = None
    """A directory whose tree lies over the machine's."""
    root: str | None = None
    """A directory whose tree is seen instead of the machine's."""
    directory: str = "/"
    """Where the program is to start."""
    read_only: bool = False
    """Whether nothing may be written to `root` outside the binds."""


class NoMountPoint(OSError):
    """There is no such path in a container's tree, and none can be made."""


def is_private(path: str) -> bool:
    """Whether a path of the host is below one of these directories."""
    return _below(os.path.realpath(path), PRIVATE)


def build_template() -> int:
    """Descriptor of a mount namespace with the read-only tree.

    The caller (single-threaded) is back in its own mount namespace, at its root, on return.
    """
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        try:
            _restrict_tree()
            return os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            syscalls.setns(home, syscalls.CLONE_NEWNS)
    finally:
        os.close(home)


def _restrict_tree() -> None:
    # The device files are taken out first: after the tree has become `nodev` they could not be opened.
    devices = {name: syscalls.open_tree(f"/dev/{name}") for name in _DEVICES}
    terminals = syscalls.open_tree("/dev/pts", recursive=True) if Path("/dev/pts/ptmx").exists() else None
    syscalls.restrict_mount(
        "/", syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NODEV | syscalls.MOUNT_ATTR_NOSUID
    )
    syscalls.mount_tmpfs("/dev", "mode=755,size=64k", flags=syscalls.MS_NOSUID | syscalls.MS_NOEXEC)
    for name, tree in devices.items():
        Path(f"/dev/{name}").touch()
        syscalls.move_mount(tree, f"/dev/{name}")
        os.close(tree)
    if terminals is not None:
        Path("/dev/pts").mkdir()
        syscalls.move_mount(terminals, "/dev/pts")
        os.close(terminals)
    for name, to in _DEVICE_LINKS.items():
        Path(f"/dev/{name}").symlink_to(to)
    Path("/dev/shm").mkdir()
    syscalls.mount_tmpfs("/dev/shm", "mode=1777,size=64m")


def enter(template: int, view: View, hidden: Iterable[str]) -> None:
    """Moves the calling process (single-threaded) into a new mount namespace with the tree that it is to see.

    Directories `hidden` of the machine are shown empty but for binds. Raises NoMountPoint for a bind that has
    no place and is not optional.
    """
    # Opened here: the lab's and the image's own directories may lie where the new tree has others.
    trees = [(bind, syscalls.open_tree(bind.source, recursive=True)) for bind in view.binds]
    layer = view.root or view.files
    image = syscalls.open_tree(layer) if layer else None
    syscalls.setns(template, syscalls.CLONE_NEWNS)
    syscalls.unshare(syscalls.CLONE_NEWNS)
    if view.root and image is not None:
        rootfs.show_root(image, [bind.target for bind in view.binds])
    else:
        covered = [*PRIVATE, *(os.path.realpath(path) for path in hidden)]
        wanted = [os.path.realpath(bind.target) for bind in view.binds if not bind.optional]
        missing = [path for path in wanted if not Path(path).exists() and not _below(path, covered)]
        rootfs.extend_machine(image, missing, PRIVATE)
        for path in PRIVATE:
            syscalls.mount_tmpfs(path, "mode=1777,size=256m")
        for path in hidden:
            if not is_private(path):
                syscalls.mount_tmpfs(path, "mode=755,size=1m")
    if view.root:
        Path(view.directory).mkdir(parents=True, exist_ok=True)
    for bind, tree in trees:
        _attach(bind, tree)
    if view.root and view.read_only:
        syscalls.restrict_mount("/", syscalls.MOUNT_ATTR_RDONLY, below=False)


def _attach(bind: Bind, tree: int) -> None:
    if not bind.writable:
        syscalls.restrict_mount(tree, syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID)
    target = Path(os.path.realpath(bind.target))
    try:
        _make_mount_point(target, directory=stat.S_ISDIR(os.fstat(tree).st_mode))
    except OSError as error:
        if bind.optional:
            return
        raise NoMountPoint(error.errno, error.strerror, bind.target) from error
    syscalls.move_mount(tree, str(target))


def _below(path: str, tops: Iterable[str]) -> bool:
    return any(rootfs.is_below(path, top) for top in tops)


def _make_mount_point(target: Path, *, directory: bool) -> None:
    if target.exists():
        return
    if directory:
        target.mkdir(parents=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
