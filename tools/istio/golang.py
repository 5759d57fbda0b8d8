"""Programs and files out of Go modules, by the `go` of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.istio.errors import CannotMake
from tools.parent_death import end_session, end_with_parent

# Of a program for this machine that needs no C compiler; a module's own programs are all that is asked for.
_SET = {"CGO_ENABLED": "0", "GOWORK": "off"}
_UNSET = ("GOOS", "GOARCH", "GOBIN")

_ENDS_WITHIN_S = 10


@dataclass(frozen=True)
class Module:
    """A module as it lies in Go's cache. `version` is the one that the version asked for turned out to be."""

    path: str
    version: str
    folder: Path
    commit: str

    @property
    def requires(self) -> dict[str, str]:
        """The version of each module that it needs."""
        told = _json(["go", "mod", "edit", "-json", str(self.folder / "go.mod")])
        return {each["Path"]: each["Version"] for each in told.get("Require") or ()}


def module(path: str, version: str) -> Module:
    """Downloads a module if it is not there. Raises CannotMake."""
    told = _json(["go", "mod", "download", "-json", f"{path}@{version}"])
    # Where the module comes from a proxy that does not say, a pseudo-version ends with its commit.
    pseudo = re.search(r"-([0-9a-f]{12})$", told["Version"])
    commit = told.get("Origin", {}).get("Hash") or (pseudo[1] if pseudo else "unknown")
    return Module(path, told["Version"], Path(told["Dir"]), commit)


def install(package: str, version: str, into: Path, ldflags: Sequence[str]) -> None:
    """Builds a program of a module, as `go install package@version` does. Raises CannotMake."""
    flags = " ".join(("-s", "-w", *ldflags))
    _run(["go", "install", f"-ldflags={flags}", f"{package}@{version}"], {"GOBIN": str(into)})


def _json(command: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_run(command, {}))
    return told


def _run(command: Sequence[str], variables: dict[str, str]) -> str:
    """What a command prints. Whatever ends the waiting ends the command, with all that it has started."""
    if shutil.which("go") is None:
        raise CannotMake("Go is not installed; it is needed to build Istio: see https://go.dev/doc/install")
    inherited = {name: value for name, value in os.environ.items() if name not in _UNSET}
    process = subprocess.Popen(
        command,
        env={**inherited, **_SET, **variables},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        printed, complaint = process.communicate()
    except BaseException:
        end_session(process, _ENDS_WITHIN_S)
        raise
    if process.returncode:
        raise CannotMake(explained(_error(printed) or complaint))
    return printed


def _error(printed: str) -> str:
    """What went wrong, where it is told as JSON."""
    try:
        return str(json.loads(printed).get("Error", ""))
    except (json.JSONDecodeError, AttributeError):
        return ""


def explained(complaint: str) -> str:
    """What `go` complained about, in one line: what is known in words of ours, else its own last ones."""
    for pattern, words in _KNOWN:
        if found := re.search(pattern, complaint):
            return words.format(*found.groups())
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("go: downloading", "server response:"))]
    return f"go could not build it: {said[-1].removeprefix('go: ')}" if said else "go could not build it"


# A proxy's refusal stands at the end of a line that names the module; the file that needs it can come first.
_MODULE = r"(?<![\w/])([\w.-]+(?:/[\w.~-]+)+)@([\w.+-]+):[^\n]*"
_KNOWN = (
    (
        r"requires go >= ([\w.]+) \(running go ([\w.]+)",
        "Go is too old: this is go {1}, and go {0} or newer is needed (see https://go.dev/doc/install)",
    ),
    (r"no space left on device", "no space is left on the disk: Go's caches take 4 GB and Istio 300 MB"),
    (
        _MODULE + r"((?:403|404|410) [A-Z]\w*(?: \w+)*)",
        "the module proxy (GOPROXY) does not give {0} {1}: {2}",
    ),
    (_MODULE + r"unknown revision", "{0} has no version {1}"),
    (r"(dial tcp[^\n]*)", "the module proxy (GOPROXY) cannot be reached: {0}"),
)
"""A pattern of what `go` says, and what is said instead."""
