"""Reading a transcript, typing its commands into a shell, and putting together what was printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.programs import KUBECTL

ROOT = Path(__file__).resolve().parents[3]


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


VARIABLES = "INGRESS_HOST INGRESS_PORT TOKEN"


def play(exchange: Exchange, kubeconfig: Path, scratch: Path, **environment: str) -> Exchange:
    """Type the command as printed; gives it with what it printed, standard error included.

    The documents' variables last from one command to the next, in a file of ``scratch``.
    """
    state = scratch / "variables"
    typed = f"[ ! -e {state} ] || . {state}\n{exchange.command}\ndeclare -p {VARIABLES} > {state} 2>/dev/null"
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(scratch),
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(scratch / "cache"),
        **KUBECTL,
    }
    run = subprocess.run(
        ["bash", "-c", typed],
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
