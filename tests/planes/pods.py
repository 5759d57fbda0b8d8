"""A program in a pod that is spoken to line by line, through ``kubectl exec``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("in_pod.py")


class InPod:
    """tests/planes/in_pod.py, running in a container until it is closed."""

    def __init__(self, kubeconfig: Path, namespace: str, pod: str, container: str = "app") -> None:
        self.name = f"{pod}.{namespace}"
        command = [
            "kubectl",
            f"--kubeconfig={kubeconfig}",
            "exec",
            "-i",
            "-n",
            namespace,
            pod,
            "-c",
            container,
        ]
        self._process = subprocess.Popen(
            [*command, container, "--", sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def dial(self, dials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask({"dial": list(dials)})
        return found

    def get(self, url: str) -> str:
        """The body that comes from there."""
        return str(self._ask({"get": url}))

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the program in {self.name} has ended"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
