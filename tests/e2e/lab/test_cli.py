from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path

import pytest

from lab.cli.main import main
from tests.e2e.lab.conftest import ROOT, Home, a_home, gone
from tests.programs import its_own_signals


def test_up_prints_one_line_for_the_shell_and_down_leaves_nothing(home: Home) -> None:
    up = home.lab("up")
    assert up.returncode == 0, up.stderr
    kubeconfig = home.path / "default" / "kubeconfig"
    assert up.stdout == f"export KUBECONFIG={kubeconfig}\n"
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
    running = home.processes()
    assert running
    status = home.lab("status")
    assert status.returncode == 0
    assert status.stdout.startswith("default\trunning since ")
    down = home.lab("down")
    assert (down.returncode, down.stderr) == (0, "lab: default has ended\n")
    assert gone(list(running))
    assert list(home.path.iterdir()) == []
    assert home.lab("status").returncode == 1
    assert home.lab("down").stderr == "lab: default was not running\n"


@pytest.fixture(scope="module")
def port() -> int:
    """One of the loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


@pytest.fixture(scope="module")
def running(port: int) -> Iterator[Home]:
    """With a lab that is left as it is, for the playgrounds of two lanes, at a port that was asked for."""
    with a_home() as here:
        up = here.lab("up", "--port", str(port), "--playgrounds", "2")
        assert up.returncode == 0, up.stderr
        yield here


def _inotify_instances(pids: Iterable[int]) -> int:
    return sum(_open_files(pid).count("anon_inode:inotify") for pid in pids)


def test_inotify_instances_are_held_until_proxies_take_them(running: Home) -> None:
    """So that labs which start at the same moment do not both count on them.

    First of all: half a minute after the start of a lab, what nobody took is given back.
    """
    for _ in range(200):
        proxies = [pid for pid, line in running.processes().items() if "/envoy " in line]
        if proxies and (theirs := _inotify_instances(proxies)):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the ingress gateway has no proxy")
    assert _inotify_instances(running.processes()) - theirs == 54
    assert theirs <= 3


def test_only_the_loopback_is_listened_on(running: Home, port: int) -> None:
    # The ingress gateway's three node ports come a moment later, and then its load balancer's.
    for _ in range(500):
        opened = _listening(running.processes())
        if len(opened) > 4 or (os.geteuid() != 0 and len(opened) == 4):
            break
        time.sleep(0.01)
    assert ("0100007F", port) in opened
    assert {address[-2:] for address, _ in opened} == {"7F"}
    assert {number for address, number in opened if address != "0100007F"} <= {80, 443, 15021}
    node_ports = {number for address, number in opened if address == "0100007F"} - {port}
    assert len(node_ports) == 3
    assert all(30000 <= number < 32768 for number in node_ports)


def _listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """What these processes listen on in the host's own network: addresses in hexadecimal, and ports."""
    theirs = {link for pid in pids for link in _open_files(pid)}
    found = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(file).read_text().splitlines()[1:]:
            local, state, inode = itemgetter(1, 3, 9)(line.split())
            if state == "0A" and f"socket:[{inode}]" in theirs:
                address, _, port = local.partition(":")
                found.add((address, int(port, 16)))
    return found


def _open_files(pid: int) -> list[str]:
    """As /proc shows what its descriptors are; none of one that has ended."""
    links = []
    with contextlib.suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                links.append(str(descriptor.readlink()))
    return links


def test_a_name_or_port_in_use_is_refused_with_4(running: Home) -> None:
    again = running.lab("up")
    assert (again.returncode, again.stdout) == (4, "")
    assert again.stderr == 'lab: a lab named "default" is running already\n'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = running.lab("up", "--name", "other", "--port", str(port))
    assert (refused.returncode, refused.stderr) == (4, f"lab: port {port} of 127.0.0.1 is in use\n")
    assert [entry.name for entry in running.path.iterdir()] == ["default"]


def test_a_directory_that_is_no_labs_is_neither_used_nor_removed(home: Home) -> None:
    """Where LAB_HOME is a directory with others in it, as somebody's home."""
    mine = home.path / "photos"
    mine.mkdir()
    (mine / "cat.jpg").write_text("mine")
    for command in (["up", "--name", "photos"], ["down", "--name", "photos"], ["down", "--all"], ["status"]):
        done = home.lab(*command)
        if "photos" in command:
            said = f"{mine} is not a lab's directory, and is not touched; choose another name or LAB_HOME"
            assert (done.returncode, done.stderr) == (3, f"lab: {said}\n")
    assert (mine / "cat.jpg").read_text() == "mine"
    assert [path.name for path in mine.iterdir()] == ["cat.jpg"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["up", "--name", "Foo"], '"Foo" is not a valid name for a lab'),
        (["up", "--name", "../x"], '"../x" is not a valid name for a lab'),
        (["up", "--name", "x" * 60], "is too long"),
        (
            ["up", "--fault", "no-such-fault"],
            'unknown fault "no-such-fault"; `python -m lab faults` lists them',
        ),
        (["up", "--mesh", "linkerd"], 'unknown mesh "linkerd"; known are: current, istio-1.0, none'),
        (
            ["up", "--mesh", "none", "--fault", "port-level-ignored"],
            'fault "port-level-ignored" is for the mesh current, not for none',
        ),
        (
            ["up", "--mesh", "istio-1.0", "--fault", "port-level-ignored"],
            'fault "port-level-ignored" is for the mesh current, not for istio-1.0',
        ),
        (["up", "--kubeconfig", "/no/such/dir/config"], "there is no directory /no/such/dir"),
        (["up", "--port", "x"], '"x" is no port'),
        (["up", "--port", "70000"], '"70000" is no port'),
        (["sideways"], "invalid choice"),
        ([], "the following arguments are required"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else None,
)
def test_wrong_usage_is_refused_with_2_and_one_clear_line(
    home: Home,
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_HOME", str(home.path))
    with pytest.raises(SystemExit) as ending, its_own_signals():
        sys.exit(main(arguments))
    said = capsys.readouterr()
    assert (ending.value.code, said.out) == (2, "")
    assert complaint in said.err.splitlines()[-1]
    assert list(home.path.iterdir()) == []


def test_wrong_usage_is_the_exit_code_of_the_program_too(home: Home) -> None:
    done = home.lab("up", "--port", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert '"x" is no port' in done.stderr


@pytest.mark.parametrize(("tool", "package"), [("nft", "nftables"), ("curl", "curl")])
def test_a_missing_tool_is_named_with_its_package(home: Home, tool: str, package: str) -> None:
    # Hidden in a mount namespace: system directories are searched whatever PATH says.
    hide = f'for f in $(type -ap {tool}); do mount --bind /dev/null "$f"; done; exec "$@"'
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    done = home.lab("up", prefix=["env", f"PATH={path}", "unshare", *flags, "bash", "-c", hide, "bash"])
    assert (done.returncode, done.stderr) == (3, f"lab: {tool} is missing: apt-get install {package}\n")


def test_a_home_that_containers_cannot_see_is_refused(home: Home) -> None:
    home.environment["LAB_HOME"] = "/dev/shm/labs"
    done = home.lab("up")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "lab: /dev/shm/labs: containers have a /dev of their own; set LAB_HOME to a directory elsewhere\n"
    )
    assert not Path("/dev/shm/labs").exists()


def test_a_kernel_that_allows_no_namespaces_is_named(home: Home) -> None:
    forbid = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'
    done = home.lab("up", prefix=["unshare", "-r", "sh", "-c", forbid, "sh"])
    assert done.returncode == 3, done.stderr
    # Before that it may say that it waits for other labs.
    said = done.stderr.splitlines()[-1]
    assert said.startswith("lab: the kernel allows no namespaces here (unshare failed: ")
    assert "run as root" in said


@pytest.mark.parametrize(("playgrounds", "needed"), [("1", 30), ("4", 111)])
def test_a_user_whose_inotify_instances_are_used_up_is_told_so(
    playgrounds: str, needed: int, home: Home
) -> None:
    limit = 'echo 7 > /proc/sys/user/max_inotify_instances; exec "$@"'
    done = home.lab("up", "--playgrounds", playgrounds, prefix=["unshare", "-r", "sh", "-c", limit, "sh"])
    assert done.returncode == 3
    assert done.stderr == (
        f"lab: only 7 inotify instances are left for this user, and a lab needs {needed}: "
        "sysctl -w fs.inotify.max_user_instances=1024\n"
    )


def test_a_bad_fault_is_told_before_a_lab_takes_anything(home: Home) -> None:
    limit = 'echo 7 > /proc/sys/user/max_inotify_instances; exec "$@"'
    done = home.lab("up", "--fault", "nonsense", prefix=["unshare", "-r", "sh", "-c", limit, "sh"])
    assert done.returncode == 2
    assert done.stderr == 'lab: unknown fault "nonsense"; `python -m lab faults` lists them\n'
    assert not home.path.exists() or not list(home.path.iterdir())


OTHERS_END = """
import ctypes, os, threading, time
from lab.host import watch_reserve
others = [ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC) for _ in range(20)]
threading.Timer(2, lambda: [os.close(each) for each in others]).start()
began = time.monotonic()
with watch_reserve.channel(1) as channel:
    print(len(watch_reserve.received(channel)), time.monotonic() - began > 1)
"""


def test_inotify_instances_that_others_hold_are_waited_for() -> None:
    """Another lab of the same user may be about to end."""
    limit = 'echo 40 > /proc/sys/user/max_inotify_instances; exec "$@"'
    command = ["unshare", "-r", "sh", "-c", limit, "sh", sys.executable, "-c", OTHERS_END]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "30 True\n", done.stderr
    # 10, or more: other labs of this user may have some as well.
    said = r"lab: waiting for other programs to release inotify instances \(\d+ missing\)\n"
    assert re.fullmatch(said, done.stderr)


def test_a_place_that_others_can_write_to_is_refused(home: Home) -> None:
    home.path.chmod(0o777)
    done = home.lab("up")
    assert done.returncode == 3
    assert "is not a directory that only you can write to" in done.stderr


def test_the_kubeconfig_can_be_written_elsewhere_and_is_removed_at_the_end(home: Home) -> None:
    elsewhere = home.path / "config"
    up = home.lab("up", "--kubeconfig", str(elsewhere))
    assert up.stdout == f"export KUBECONFIG={elsewhere}\n"
    assert "server: https://127.0.0.1:" in elsewhere.read_text()
    home.lab("down")
    assert not elsewhere.exists()


def test_a_lab_that_cannot_start_says_why_with_5(home: Home) -> None:
    # A container's /proc/sys is often not writable: the node then cannot forward packets.
    lock = 'mount --bind -o ro /usr/bin/false "$(type -p ip)"; exec "$@"'
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    done = home.lab("up", prefix=["unshare", *flags, "bash", "-c", lock, "bash"])
    assert done.returncode == 5, done.stderr
    assert "ip -batch - exited 1" in done.stderr
    assert list(home.path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_foreground_lab_ends_cleanly_when_asked(home: Home, number: signal.Signals) -> None:
    process = home.foreground()
    running = home.processes()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert gone(list(running))
    assert list(home.path.iterdir()) == []


@pytest.mark.parametrize("after_s", [0.03, 0.1, 0.2, 0.3, 0.4])
def test_a_lab_that_is_stopped_while_it_starts_leaves_nothing(home: Home, after_s: float) -> None:
    process = subprocess.Popen(
        home.command("up", "--foreground"),
        cwd=ROOT,
        env=home.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after_s)
    started = home.processes()
    process.send_signal(signal.SIGTERM)
    # Before it has looked at signals at all, the signal ends it in the ordinary way.
    assert process.wait(10) in (0, -signal.SIGTERM)
    assert gone([*started, *home.processes()])
    assert list(home.path.iterdir()) == []


def test_a_foreground_lab_ends_with_its_caller(home: Home) -> None:
    script = textwrap.dedent(
        """
        import os, subprocess, sys
        lab = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
        lab.stdout.readline()
        print(lab.pid, flush=True)
        os.kill(os.getpid(), 9)
        """
    )
    command = [sys.executable, "-c", script, *home.command("up", "--foreground")]
    caller = subprocess.run(command, cwd=ROOT, env=home.env(), capture_output=True, text=True, timeout=20)
    assert caller.returncode == -signal.SIGKILL
    assert gone([int(caller.stdout), *home.processes()])
    assert list(home.path.iterdir()) == []
