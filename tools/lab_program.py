"""What the program `python -m lab` prints, for those who start it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

ANNOUNCEMENT = "export KUBECONFIG="


class BadFault(ValueError):
    """A fault that no lab knows was asked for; the message is one line."""


def kubeconfig_in(line: str) -> Path | None:
    """The kubeconfig that `lab up` announces in this line; None if it is another line, or none."""
    if not line.startswith(ANNOUNCEMENT):
        return None
    return Path(line.removeprefix(ANNOUNCEMENT).strip().strip("'\""))


def described_faults(names: Sequence[str]) -> list[dict[str, Any]]:
    """These faults, or all there are, as `lab faults` describes them. Raises BadFault."""
    known = {fault["name"]: fault for fault in _described()}
    if known.keys() >= set(names):
        return [known[name] for name in names] or list(known.values())
    # Faults from elsewhere; and the lab has words for what is none.
    return _described(*names)


def problems_of_images(wanted: Sequence[str]) -> list[str]:
    """Why no pod can have some of these images, a line each. One of any tag will do where a name has none."""
    command = [sys.executable, "-m", "lab", "images", "check", *wanted]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [line.removeprefix("lab: ") for line in checked.stderr.splitlines()] if checked.returncode else []


@cache
def _described(*names: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "lab", "faults", "--output", "json", *names]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BadFault(listed.stderr.strip().removeprefix("lab: "))
    described: list[dict[str, Any]] = json.loads(listed.stdout)
    return described
