"""A program that is copied from one that has imported already what it needs, and is like any other then."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.node.real_node import TestNode, on_a_node

HTTPBIN = {"image": "kong/httpbin"}
RIGHTS = re.compile(r"^(?:Uid|Gid|Cap\w+|NoNewPrivs|SigBlk):.*$", re.MULTILINE)


async def program_of(node: TestNode, pod: str) -> Path:
    """Where /proc shows the one process of a pod."""
    _, network = await node.exec(pod, "readlink", "/proc/self/ns/net")
    (found,) = [
        program for program in programs() if str((program / "ns" / "net").readlink()) == network.strip()
    ]
    return found


def programs() -> list[Path]:
    return [each for each in Path("/proc").iterdir() if each.name.isdigit()]


async def rights_within(node: TestNode, pod: str) -> list[str]:
    """Those of a program that is executed in the pod's container."""
    _, status = await node.exec(pod, "cat", "/proc/self/status")
    return RIGHTS.findall(status)


def rights(program: Path) -> list[str]:
    return RIGHTS.findall((program / "status").read_text())


def open_files(program: Path) -> list[str]:
    """By the kinds of things that are opened."""
    links = [str(each.readlink()) for each in (program / "fd").iterdir()]
    return sorted(re.sub(r"^.*[/.]|:.*$", "", link) for link in links)


async def has_open(program: Path, kinds: Sequence[str]) -> None:
    """Waits until a program has these files open, and no others."""
    deadline = time.monotonic() + 5
    while (found := open_files(program)) != kinds:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)


@partial(on_a_node, copied=True)
async def test_a_copy_is_a_container_like_any_other(node: TestNode) -> None:
    # Importing has begun before; when the first pod is ready, it is over.
    node.pod("first", HTTPBIN)
    await node.ready("first")
    node.pod("root", HTTPBIN)
    node.pod("other", HTTPBIN | {"securityContext": {"runAsUser": 1234, "runAsGroup": 1234}})
    await node.ready("root", "other")
    for pod in ("root", "other"):
        program = await program_of(node, pod)
        assert b"serve_httpbin" not in (program / "cmdline").read_bytes(), "it was executed"
        assert (program / "comm").read_text() == "serve_httpbin\n"
        assert rights(program) == await rights_within(node, pod)
        # Its standard files, and what it listens with and waits with, once it does that.
        await has_open(program, ["anon_inode", "log", "log", "null", "socket"])
    url = f"http://{node.get('root')['status']['podIP']}/headers"
    code, answer = await node.exec("other", "curl", "-s", "-m", "3", url)
    assert code == 0
    assert '"Host"' in answer


@partial(on_a_node, copied=True)
async def test_the_end_of_a_copy_is_known(node: TestNode) -> None:
    node.pod("first", HTTPBIN)
    await node.ready("first")
    # It cannot listen there, which Python says as it ends with a traceback.
    command = ["gunicorn", "-b", "192.0.2.1:80", "httpbin:app"]
    node.pod("second", HTTPBIN | {"command": command}, restartPolicy="Never")
    await node.until(lambda: node.status("second").get("state", {}).get("terminated"), "it has ended")
    assert node.status("second")["state"]["terminated"]["exitCode"] == 1
    assert "Errno" in node.logs("second"), node.get("second")
