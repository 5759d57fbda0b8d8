"""The inotify instances that the proxies of a lab will need, reserved before it starts.

The kernel limits their number for each user. If a lab only counted the free ones, another lab that starts at
the same time would count the same ones, and proxies of both would fail.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)

A_PROXY = 3
"""Files that a proxy watches, each with its own inotify instance."""

_PROXIES = 9
"""Of a playground with a gateway and one more workload. The ingress gateway is there once for all of them."""

_IN_A_MESSAGE = 64
"""Descriptors; the kernel takes 253."""

_OTHERS_END_WITHIN_S = 90
_LIMITS = (Path("/proc/sys/fs/inotify/max_user_instances"), Path("/proc/sys/user/max_inotify_instances"))


class TooFew(Exception):
    """There are too few for this user; `str` says how many there are, and what to do."""


@contextmanager
def channel(playgrounds: int) -> Iterator[socket.socket]:
    """A socket from which the lab receives as many instances as these playgrounds need.

    They are not inherited, because the process around the lab's namespaces would keep them open. If there are
    too few, other labs of this user may be about to end: this waits for 90 seconds at most, and holds no
    instance meanwhile. Raises TooFew.
    """
    wanted = A_PROXY * (1 + _PROXIES * playgrounds)
    taken = _soon(wanted)
    ours, labs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, labs:
        try:
            if len(taken) < wanted:
                raise TooFew(
                    f"only {len(taken)} inotify instances are left for this user, and a lab needs {wanted}: "
                    "sysctl -w fs.inotify.max_user_instances=1024"
                )
            for first in range(0, wanted, _IN_A_MESSAGE):
                socket.send_fds(ours, [b"."], taken[first : first + _IN_A_MESSAGE])
        finally:
            _give_back(taken)
        ours.shutdown(socket.SHUT_WR)
        yield labs


def received(channel: socket.socket) -> list[int]:
    """The instances that lie in it, all of them. The descriptors are the caller's."""
    found: list[int] = []
    said = b"."
    while said:
        said, some, _, _ = socket.recv_fds(channel, 1, _IN_A_MESSAGE, socket.MSG_CMSG_CLOEXEC)
        found += some
    return found


def _soon(wanted: int) -> list[int]:
    """So many, now or when others have ended; or as many as there are."""
    deadline = time.monotonic() + _OTHERS_END_WITHIN_S
    can_be = all(int(limit.read_text()) >= wanted for limit in _LIMITS if limit.exists())
    taken = _take(wanted)
    if len(taken) < wanted and can_be:
        sys.stderr.write(
            f"lab: waiting for other programs to release inotify instances ({wanted - len(taken)} missing)\n"
        )
    while len(taken) < wanted and can_be and time.monotonic() < deadline:
        # Two that wait and keep what they have would wait for each other.
        _give_back(taken)
        time.sleep(0.2)
        taken = _take(wanted)
    return taken


def _take(wanted: int) -> list[int]:
    taken: list[int] = []
    while len(taken) < wanted and (descriptor := _LIBC.inotify_init1(os.O_CLOEXEC)) >= 0:
        taken.append(descriptor)
    return taken


def _give_back(taken: list[int]) -> None:
    while taken:
        os.close(taken.pop())
