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

    ``faults`` are the names of all there are.
    """

    faults: Sequence[str]
    file: Path = signatures.FILE
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, run: Run) -> None:
        """Replaces what is on record of the fault; a run of which there are no cases changes nothing."""
        if not run.rows:
            return
        with self._lock:
            known = signatures.read(self.file)
            found, cases = of(run)
            replace(self.file, signatures.dump(signatures.updated(known, found, cases, self.faults)))


def of(run: Run) -> tuple[Signature, list[str]]:
    """The signature of a fault, and the cases that there are of its document."""
    fault = run.fault
    rows = [row for row in run.rows if row["document"] == fault.document]
    failed, unseen = signatures.seen(rows)
    said = Signature(fault.name, fault.document, fault.section, fault.sentence, failed, unseen)
    return said, [row["id"] for row in rows]
