"""The programs that copy and unpack images, each called for one thing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.host import identities, preconditions
from lab.node.images.search_path import BadImage, MachineLacks
from lab.node.processes.syscalls import die_with_parent

# Command: the package (Debian and Ubuntu) that has it.
TOOLS = {"skopeo": "skopeo", "umoci": "umoci"}


def demand() -> None:
    """Raises MachineLacks."""
    for tool, package in TOOLS.items():
        if shutil.which(tool, path=preconditions.search_path()) is None:
            raise MachineLacks(f"{tool} is missing: apt-get install {package}")


def copy(source: str, layout: Path, tag: str, scratch: Path, *, insecure: bool = False) -> None:
    """Copies an image (as skopeo names it) into a directory of the OCI's layout. Raises BadImage."""
    # What is needed of an image is for its own machine, whatever this one is called in the archive.
    _run(
        [
            *("skopeo", "--insecure-policy", f"--tmpdir={scratch}", "copy", "--quiet"),
            *("--dest-compress", "--dest-compress-level=1"),
            *(["--src-tls-verify=false"] if insecure else []),
            *(source, f"oci:{layout}:{tag}"),
        ]
    )


def unpack(layout: Path, tag: str, root: Path) -> None:
    """Unpacks an image's layers, in which whiteouts count, into a new directory. Raises BadImage."""
    namespace = identities.user_namespace()
    _run(
        [
            *(["unshare", *namespace] if namespace else []),
            *("umoci", "raw", "unpack"),
            # With one user there is nobody else to whom files could belong.
            *(["--rootless"] if identities.only_root() else []),
            *(f"--image={layout}:{tag}", str(root)),
        ]
    )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | {"PATH": preconditions.search_path()},
        preexec_fn=lambda: die_with_parent(signal.SIGKILL),
    )
    if done.returncode:
        raise BadImage(f"{command[0]}: {_reason(done.stderr)}")


def _reason(said: str) -> str:
    """What a program that logs lines such as `time=… level=fatal msg="…"` ended with."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if not lines:
        return "it failed without a message"
    match = re.search(r'msg="((?:[^"\\]|\\.)*)"', lines[-1])
    text = match[1].replace('\\"', '"') if match else lines[-1].removeprefix("⨯ ")
    return " ".join(text.split())
