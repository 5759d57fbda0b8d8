"""Reading a transcript, typing its commands into a shell, and putting together what was printed."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Exchange:
    """One command, with its here-document if it has one, and what is printed below it."""

    command: str
    printed: str

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.printed}"


def read(path: Path) -> dict[str, list[Exchange]]:
    """The exchanges of a transcript, by the heading they stand under."""
    sections: dict[str, list[Exchange]] = {}
    heading = ""
    for part in re.split(r"^(#+ .*)$", path.read_text(), flags=re.MULTILINE):
        if part.startswith("#"):
            heading = part.lstrip("# ")
            continue
        blocks = re.findall(r"^```\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)
        exchanges = [exchange for block in blocks for exchange in _exchanges(block)]
        if exchanges:
            sections[heading] = exchanges
    return sections


def _exchanges(block: str) -> list[Exchange]:
    found = []
    for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, _, rest = typed.partition("\n")
        if "<<EOF" in first:
            document, _, rest = rest.partition("\nEOF\n")
            first = f"{first}\n{document}\nEOF"
        found.append(Exchange(first, rest))
    return found


def play(exchange: Exchange, kubeconfig: Path, scratch: Path) -> Exchange:
    """Type the command as printed; gives it with what it printed, standard error included."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(scratch / "cache"),
    }
    run = subprocess.run(
        ["bash", "-c", exchange.command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return Exchange(exchange.command, run.stdout)
