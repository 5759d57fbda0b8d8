"""The host listener and what it hands over, on this machine's own loopback."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.host import host_listener
from lab.node.network.host_ports import LOCALHOST, HostListenerGone, HostPorts


@dataclass
class Started:
    process: subprocess.Popen[bytes]
    channel: socket.socket

    @property
    def host_ports(self) -> HostPorts:
        return HostPorts(self.channel)


def start(*prefix: str) -> Started:
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        argv = [*prefix, sys.executable, "-I", "-S", host_listener.__file__, str(theirs.fileno())]
        return Started(subprocess.Popen(argv, pass_fds=[theirs.fileno()]), ours)


@pytest.fixture
def started() -> Iterator[Started]:
    started = start()
    yield started
    started.channel.close()
    assert started.process.wait(5) in (0, -signal.SIGKILL)


def test_a_socket_is_listened_on_and_can_be_reached(started: Started) -> None:
    with started.host_ports.listen("127.77.0.9", 0) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getpeername() == client.getsockname()
        assert not os.get_inheritable(listener.fileno())


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.1", "128.0.0.1", "126.255.255.255"])
def test_nothing_but_the_loopback_is_listened_on(started: Started, address: str) -> None:
    with pytest.raises(PermissionError):
        started.host_ports.listen(address, 0)


def test_a_port_that_is_taken_is_said_to_be_so(started: Started) -> None:
    host_ports = started.host_ports
    with socket.create_server((LOCALHOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            host_ports.listen(LOCALHOST, port)
        assert not host_ports.node_port_is_free(port)
    assert host_ports.node_port_is_free(port)
    # Asking leaves nothing open.
    host_ports.listen(LOCALHOST, port).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_a_port_that_an_ordinary_user_may_not_have_is_refused() -> None:
    started = start("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if not _runs(started):
        pytest.skip("an ordinary user may not run this Python")
    if first > 1:
        with pytest.raises(PermissionError):
            started.host_ports.listen("127.77.0.9", first - 1)
    started.channel.close()
    assert started.process.wait(5) == 0


def _runs(started: Started) -> bool:
    try:
        started.host_ports.claim()
    except HostListenerGone:
        return False
    return True


def test_addresses_are_claimed_once_and_given_up_by_closing(started: Started) -> None:
    found = [started.host_ports.claim() for _ in range(50)]
    addresses = {address for address, _ in found}
    assert len(addresses) == 50
    assert all(address.startswith("127.") and not address.startswith("127.0.") for address in addresses)
    address, claim = found[0]
    name = f"\0mesh-lab/{address}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(name)
        os.close(claim)
        other.bind(name)
    for _, fd in found[1:]:
        os.close(fd)


def test_the_host_listener_ends_with_the_channel() -> None:
    started = start()
    started.channel.close()
    assert started.process.wait(5) == 0


async def test_a_host_listener_that_is_killed_is_missed(started: Started) -> None:
    host_ports = started.host_ports
    waiting = asyncio.create_task(host_ports.until_gone())
    host_ports.listen(LOCALHOST, 0).close()  # an answer is no end
    await asyncio.sleep(0.02)
    assert not waiting.done()
    started.process.kill()
    with pytest.raises(HostListenerGone, match="has ended"):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(HostListenerGone):
        host_ports.listen(LOCALHOST, 0)
