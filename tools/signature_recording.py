"""Puts what runs against known-bad meshes have seen on record, as each of them ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import signatures
from tools.fault_runs import Run
from tools.signatures import Signature
from tools.whole_files import replace


@dataclass
class Recording:
    """A file of signatures that runs are added to, from any thread.

    ``faults`` are the names of all there are. ``document`` is the one of which all are, whatever they break
    first; empty where each is of that which it breaks.
    """

    faults: Sequence[str]
    file: Path = signatures.FILE
    document: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, run: Run) -> None:
        """Replaces what is on record of the fault for the cases that were run; without any, it is kept."""
        if not run.rows:
            return
        with self._lock:
            known = signatures.read(self.file)
            found, cases = of(run, self.document or run.fault.document)
            left_out = signatures.not_run(run.rows)
            after = signatures.updated(known, found, cases, self.faults, left_out)
            replace(self.file, signatures.dump(after, self.file))


def of(run: Run, document: str) -> tuple[Signature, list[str]]:
    """The signature of a fault in a document, and the cases that there are of that."""
    fault = run.fault
    rows = [row for row in run.rows if row["document"] == document]
    failed, unseen = signatures.seen(rows)
    said = Signature(fault.name, document, fault.section, fault.sentence, failed, unseen)
    return said, [row["id"] for row in rows]
