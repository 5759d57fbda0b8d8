"""Istio's programs, from wherever they are: built out of its module, or by somebody who works on it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tools import bundles
from tools.istio import golang
from tools.istio.errors import CannotMake

PACKAGES = {
    "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
    "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
    "istioctl": "istio.io/istio/istioctl/cmd/istioctl",
}
"""For each program the package that it is built from."""

MODULE = "istio.io/istio"
GATEWAY_API = "sigs.k8s.io/gateway-api"
DEFINITIONS = "config/crd/standard"
BOOTSTRAP = "tools/packaging/common/envoy_bootstrap.json"

# e_machine of an ELF header, by what the kernel calls the machine.
_MACHINES = {"x86_64": 62, "aarch64": 183}
_ARCHITECTURES = {62: "amd64", 183: "arm64"}
_VERSION_WITHIN_S = 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class Origin:
    """What a bundle is made of: a folder with the three programs, the template of Envoy's bootstrap, and the
    folder with the definitions of the Gateway API. `name` is what the bundle is called."""

    name: str
    version: str
    commit: str
    programs: Path
    bootstrap: Path
    definitions: Path


def built(asked: str, into: Path, say: Say) -> Origin:
    """The programs of a version, built by `go install`. Raises CannotMake."""
    module = golang.module(MODULE, asked)
    ldflags = [
        f"-X istio.io/istio/pkg/version.{name}={value}"
        for name, value in {
            "buildVersion": asked,
            "buildTag": asked,
            "buildGitRevision": module.commit,
            "buildStatus": "Clean",
            # With these istioctl asks for the images as the bundle calls them.
            "buildHub": "docker.io/istio",
        }.items()
    ]
    for program, package in PACKAGES.items():
        say(f"building {program} (go install {package}@{asked})")
        start = time.monotonic()
        golang.install(package, asked, into, ldflags)
        say(f"built {program} in {time.monotonic() - start:.0f} s")
    definitions = _definitions(module)
    return Origin(asked, asked, module.commit, into, module.folder / BOOTSTRAP, definitions)


def given(folder: Path, default: str) -> Origin:
    """The programs in a folder that somebody has built. Raises CannotMake.

    What else is needed comes out of the source tree that the folder lies in, as that of Istio's own makefile
    (``out/linux_amd64``) does, or else out of the module of the default version.
    """
    for program in PACKAGES:
        demand_program(folder / program)
    version, commit = _version(folder / "pilot-discovery")
    digest = sha256()
    for program in PACKAGES:
        digest.update((folder / program).read_bytes())
    name = f"{version if bundles.is_version(version) else 'unknown'}-{digest.hexdigest()[:8]}"
    tree = next((above for above in folder.resolve().parents if (above / BOOTSTRAP).is_file()), None)
    module = golang.Module(MODULE, version, tree, commit) if tree else golang.module(MODULE, default)
    return Origin(name, version, commit, folder, module.folder / BOOTSTRAP, _definitions(module))


def demand_program(path: Path) -> None:
    """CannotMake if this is no program that runs on this machine."""
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise CannotMake(f"{path}: {os.strerror(error.errno or 0)}") from None
    if header[:4] != b"\x7fELF" or len(header) < 20:
        raise CannotMake(f"{path} is no program for Linux")
    machine = int.from_bytes(header[18:20], "little")
    if machine != (here := _MACHINES.get(platform.machine())):
        theirs, ours = (_ARCHITECTURES.get(each or 0, "another architecture") for each in (machine, here))
        raise CannotMake(f"{path} is for {theirs}, and this machine is {ours}")
    if not os.access(path, os.X_OK):
        raise CannotMake(f"{path} may not be executed: chmod +x {path}")


def _version(program: Path) -> tuple[str, str]:
    """Version and commit, as a program of Istio's says them."""
    try:
        done = subprocess.run(
            [program, "version", "--output", "json"],
            capture_output=True,
            text=True,
            timeout=_VERSION_WITHIN_S,
            check=True,
        )
        said = json.loads(done.stdout)["clientVersion"]
        return said["version"], said["revision"]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError) as error:
        raise CannotMake(f"{program} does not say its version: {' '.join(str(error).split())}") from None


def _definitions(module: golang.Module) -> Path:
    version = module.requires.get(GATEWAY_API)
    if version is None:
        raise CannotMake(f"{module.folder}/go.mod does not name {GATEWAY_API}")
    return golang.module(GATEWAY_API, version).folder / DEFINITIONS


def copy(source: Path, target: Path, mode: int) -> None:
    """A file of our own; a module's are read-only. CannotMake if it is not there or does not fit."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(mode)
    except OSError as error:
        raise CannotMake(f"{error.filename or target}: {error.strerror}") from None
