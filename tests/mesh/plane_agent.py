"""Runs inside fresh namespaces as process 1: makes pods (network namespaces) and runs programs in them.

One JSON request a line on stdin, one JSON answer a line on stdout. Everything ends with its stdin.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from lab.node.network import traffic_capture
from lab.node.processes import syscalls

NODE = "10.244.0.1"


def ip(batch: str) -> None:
    subprocess.run(["ip", "-b", "-"], input=batch, text=True, check=True)


Command = tuple[str, list[str], str]
"""Pod, argv, stdin; a list where it comes as JSON."""


class Agent:
    def __init__(self) -> None:
        self.pods: dict[str, int] = {}
        ip(f"link set lo up\naddr add {NODE}/32 dev lo\n")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def pod(self, name: str, address: str, captured: bool) -> None:
        network, _ = syscalls.new_pod_namespaces(name)
        self.pods[name] = network
        veth = f"v{len(self.pods)}"
        ip(
            f"link add {veth} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{network}\n"
            f"link set {veth} up\nroute add {address} dev {veth}\n"
        )
        inside = (
            f"link set lo up\naddr add {address}/32 dev eth0\nlink set eth0 up\n"
            f"route add default via {NODE} dev eth0 onlink\n"
        )
        self.run([(name, ["ip", "-b", "-"], inside)])
        if captured:
            self.run([(name, ["nft", "-f", "-"], traffic_capture.rules())])

    def start(self, pod: str, argv: list[str], log: str) -> None:
        with Path(log).open("wb") as output:
            self._spawn(pod, argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def run(self, commands: Sequence[Command]) -> list[tuple[str, int]]:
        """All at once: [pod, argv, stdin] to [stdout, exit code]."""
        running = [
            (self._spawn(pod, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE), text)
            for pod, argv, text in commands
        ]
        return [(process.communicate(text.encode())[0].decode(), process.wait()) for process, text in running]

    def _spawn(
        self,
        pod: str,
        argv: list[str],
        *,
        stdin: int,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        network = self.pods[pod]

        def enter() -> None:
            syscalls.setns(network, syscalls.CLONE_NEWNET)
            syscalls.die_with_parent(signal.SIGKILL)

        return subprocess.Popen(argv, preexec_fn=enter, stdin=stdin, stdout=stdout, stderr=stderr)


def main() -> None:
    agent = Agent()
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(agent, request.pop("do"))(**request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
