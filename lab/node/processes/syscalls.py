"""The Linux system calls behind namespaces and mounts that Python does not offer, by ctypes.

All raise OSError with the name of the call as `filename`. Namespaces are handled by file descriptors alone:
there are no names under /run/netns, so nothing is left when the last descriptor and process are gone.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWNET = 0x4000_0000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
_MNT_DETACH = 2
MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

# _LINUX_CAPABILITY_VERSION_3
_CAPABILITY_VERSION = 0x2008_0522

# Numbers of system calls since Linux 5.2 are the same on every architecture but alpha.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 4

# include/uapi/linux/capability.h
CAPABILITIES = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "FSETID": 4,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "SETPCAP": 8,
    "NET_BIND_SERVICE": 10,
    "NET_ADMIN": 12,
    "NET_RAW": 13,
    "SYS_CHROOT": 18,
    "AUDIT_WRITE": 29,
    "SETFCAP": 31,
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _checked(result: int, call: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), call)
    return result


def unshare(flags: int) -> None:
    """Moves the calling thread into new namespaces."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Moves the calling thread into the namespace behind a descriptor."""
    _checked(_libc.setns(fd, kind), "setns")


def die_with_parent(signal: int) -> None:
    """The kernel sends `signal` to this process when the thread that started it ends."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def set_name(name: str) -> None:
    """What `ps` and /proc/PID/comm call this process; of longer names the first 15 letters."""
    _checked(_libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0), "prctl(PR_SET_NAME)")


def forbid_new_privileges() -> None:
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def limit_capabilities(keep: Iterable[str]) -> None:
    """From the next exec on, a process of user 0 has no capabilities but those named."""
    kept = {CAPABILITIES[name] for name in keep}
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for number in range(last + 1):
        if number not in kept:
            _checked(_libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "prctl(PR_CAPBSET_DROP)")


def drop_capabilities(keep: Iterable[str]) -> None:
    """From now on the calling process has none of its capabilities but those named."""
    kept = sum(1 << CAPABILITIES[name] for name in keep)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Effective, permitted and inheritable ones: of the first 32, then of the others.
    sets = (ctypes.c_uint32 * 6)()
    _checked(_libc.capget(header, sets), "capget")
    for place in range(6):
        sets[place] &= kept >> (32 * (place // 3)) & 0xFFFF_FFFF
    _checked(_libc.capset(header, sets), "capset")


def become(uid: int, gid: int, groups: Sequence[int]) -> None:
    """Makes the calling process one of a user, with the further groups named and no others."""
    # In the namespace of an ordinary user without a range of ids there is one group, and this is not allowed.
    if Path("/proc/self/setgroups").read_text().strip() != "deny":
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def mount_tmpfs(target: str, options: str, flags: int = MS_NOSUID | MS_NODEV) -> None:
    result = _libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", flags, options.encode())
    _checked(result, f"mount(tmpfs on {target})")


def mount_overlay(target: str, lowers: Sequence[str], upper: str, work: str) -> None:
    """The trees `lowers` (the first on top) as one, at `target`; changes go to `upper`."""
    lower = ":".join(re.sub(r"([\\\\:,])", r"\\\1", each) for each in lowers)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    result = _libc.mount(
        b"overlay", os.fsencode(target), b"overlay", MS_NOSUID | MS_NODEV, os.fsencode(options)
    )
    _checked(result, f"mount(overlay on {target})")


def unmount(target: str) -> None:
    """Takes a mount, and all below it, out of the tree; whoever uses it may go on."""
    _checked(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"umount2({target})")


def change_root(target: str) -> None:
    """Makes a mount the root of the calling process and of its mount namespace; the old root is gone."""
    os.chdir(target)
    _checked(_libc.pivot_root(b".", b"."), f"pivot_root({target})")
    # Both lie at the root now, the old one on top.
    unmount(".")
    os.chdir("/")


def open_tree(path: str, *, recursive: bool = False) -> int:
    """A detached copy of the mount at `path`, to be attached elsewhere by `move_mount`."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return _checked(_libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags), f"open_tree({path})")


def move_mount(tree: int, target: str) -> None:
    result = _libc.syscall(
        _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH
    )
    _checked(result, f"move_mount({target})")


def restrict_mount(mount: str | int, attributes: int, *, below: bool = True) -> None:
    """Sets attributes (MOUNT_ATTR_*) on a mount, by path or descriptor, and on all mounts below it."""
    change = _MountAttributes(set=attributes)
    where, path = (mount, b"") if isinstance(mount, int) else (_AT_FDCWD, os.fsencode(mount))
    flags = (_AT_RECURSIVE if below else 0) | (_AT_EMPTY_PATH if isinstance(mount, int) else 0)
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, where, path, flags, ctypes.byref(change), ctypes.sizeof(change)
    )
    _checked(result, f"mount_setattr({mount})")


def new_pod_namespaces(hostname: str) -> tuple[int, int]:
    """A new network and a new UTS namespace, each kept alive by the descriptor returned.

    The caller is back in its own namespaces on return.
    """
    home = [(os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)) for kind in ("net", "uts")]
    try:
        unshare(CLONE_NEWNET | CLONE_NEWUTS)
        try:
            socket.sethostname(hostname)
            # As container engines do: a program that is not root may listen on port 80.
            Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
            network = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            uts = os.open("/proc/thread-self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            setns(home[0], CLONE_NEWNET)
            setns(home[1], CLONE_NEWUTS)
    finally:
        for fd in home:
            os.close(fd)
    return network, uts


def socket_in(network: int) -> socket.socket:
    """A TCP socket of another network namespace: a socket belongs to the namespace that it was made in."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(network, CLONE_NEWNET)
        try:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        finally:
            setns(home, CLONE_NEWNET)
    finally:
        os.close(home)
    made.setblocking(False)
    return made
