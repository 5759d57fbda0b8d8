"""Proof that the suites catch what they claim to catch: `python -m tools.faults [NAME...]`.

Runs the suites against every deliberately wrong mesh and holds what they say against what they must say. With
no names all faults are run, and the kill table docs/faults.md is written. With --suite extended the cases of
each requirement are run against the faults that it names; what has noticed them is kept, and what they see
becomes the signatures of the faults. With --record runs are of all cases of the suite, and go on however many
have failed; what they see becomes the signatures.

Exit codes: 0 each fault is caught by the right case, or cannot be seen; 1 one is not; 2 usage error; 130
interrupted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import (
    fault_expectations,
    fault_record,
    fault_requirements,
    fault_runs,
    fault_table,
    fault_table_extended,
    signatures,
)
from tools.children import children
from tools.fault_expectations import Expectation
from tools.fault_judgement import Judgement, Result, judge
from tools.fault_requirements import Requirement
from tools.fault_runs import EXTENDED, Fault, Run
from tools.lab_program import BadFault
from tools.numbers import counted
from tools.signature_recording import Recording

OK, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130

JOBS = 2 * (os.cpu_count() or 1) + 1
INSTALLED_JOBS = os.cpu_count() or 1
"""A control plane of its own costs each lab more."""

TABLE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    start = time.monotonic()
    try:
        requirements = fault_requirements.known() if options.suite == EXTENDED else []
        chosen = _chosen(options, requirements)
    except BadFault as problem:
        print(f"faults: {problem}", file=sys.stderr)  # noqa: T201
        return USAGE
    try:
        with children() as ours:
            jobs = options.jobs or (INSTALLED_JOBS if options.mesh else JOBS)
            record = _recording(requirements).add if options.record or requirements else None
            runs = fault_runs.run_all(chosen, jobs, _teller(record), ours, to_the_end=options.record)
    except KeyboardInterrupt:
        return INTERRUPTED
    order = [fault.name for fault, _ in chosen]
    judgements = sorted(map(judge, runs), key=lambda each: order.index(each.run.fault.name))
    if requirements:
        _keep(judgements, requirements)
    elif not options.names and not options.record:
        table = TABLE.with_stem(f"{TABLE.stem}-{options.mesh}") if options.mesh else TABLE
        table.write_text(fault_table.document(judgements))
    _conclude(judgements, time.monotonic() - start)
    return OK if all(each.result.right for each in judgements) else WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.faults",
        description="Run the suites against deliberately wrong meshes and print the kill table.",
        epilog=__doc__ and __doc__.rpartition("\n\n")[2],
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a fault, or path/to/file.py:function (default: all)"
    )
    parser.add_argument(
        "--suite",
        choices=("all", EXTENDED),
        default="all",
        help="the suite that must catch them (default: all)",
    )
    parser.add_argument("--mesh", help="those made of the mesh of this profile, which is installed (istio)")
    parser.add_argument(
        "--record",
        action="store_true",
        help=f"put what all cases see on record as their signatures ({signatures.FILE.name}); "
        f"--suite extended always does so for the cases that it runs ({signatures.EXTENDED.name})",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        help=f"labs at a time (default: {JOBS}, with --mesh {INSTALLED_JOBS})",
    )
    return parser


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of labs')
    return int(text)


def _chosen(
    options: argparse.Namespace, requirements: Sequence[Requirement]
) -> list[tuple[Fault, Expectation]]:
    """What is run, and what is expected of it. Raises BadFault."""
    if options.record and options.mesh:
        raise BadFault("--record is for reference meshes: without --mesh")
    if not requirements:
        mesh, names = options.mesh, options.names
        return _expected(fault_runs.of_mesh(mesh, names) if mesh else fault_runs.describe(names), mesh)
    if options.mesh:
        raise BadFault(
            f"--mesh {options.mesh} is for --suite all: no requirement names wrong meshes made of it"
        )
    return fault_requirements.expected(requirements, options.names)


def _keep(judgements: Sequence[Judgement], requirements: Sequence[Requirement]) -> None:
    """Writes what has noticed these faults into the record, and the table that is made of it."""
    record = fault_requirements.updated(fault_record.load(), judgements, requirements)
    fault_record.FILE.write_text(fault_record.dump(record))
    faults = fault_runs.describe(fault_requirements.named(requirements))
    table = fault_table_extended.document(requirements, record, {each.name: each.sentence for each in faults})
    fault_table_extended.TABLE.write_text(table)


def _expected(faults: Sequence[Fault], mesh: str) -> list[tuple[Fault, Expectation]]:
    """Each fault with what is expected of it. Raises BadFault for one of the project's own without any."""
    file = fault_expectations.file_of(mesh) if mesh else fault_expectations.FILE
    bound_s = fault_expectations.MESH_BOUND_S if mesh else fault_expectations.BOUND_S
    expectations = fault_expectations.load(file, bound_s)
    for fault in faults:
        if fault.section and fault.name not in expectations:
            raise BadFault(f"{file.name} does not say what must catch {fault.name}")
    return [(fault, expectations.get(fault.name, Expectation())) for fault in faults]


def _recording(requirements: Sequence[Requirement]) -> Recording:
    if requirements:
        return Recording(fault_requirements.named(requirements), signatures.EXTENDED, EXTENDED)
    return Recording([fault.name for fault in fault_runs.describe(())])


def _teller(record: Callable[[Run], None] | None) -> Callable[[Run], None]:
    def tell(run: Run) -> None:
        if record:
            record(run)
        _tell(run)

    return tell


def _tell(run: Run) -> None:
    judgement = judge(run)
    _print(_line(judgement))
    if not judgement.result.right:
        kept = run.folder.with_name(re.sub(r"\W+", "-", run.fault.name))
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(run.folder, kept)
        _print(f"    what it reported is in {kept}")


def _line(judgement: Judgement) -> str:
    run = judgement.run
    sign = "  " if judgement.result.right else "! "
    cases = counted(run.cases, "case")
    how = f"{len(run.findings)} of {cases} failed" if run.findings else cases
    at = f", first {fault_table.label(run.findings[0].name)}" if run.findings else ""
    why = f": {judgement.why}" if judgement.why else ""
    return f"{sign}{run.fault.name:<38} {judgement.result.words}{why} ({how}{at}; {run.seconds:.0f} s)"


def _conclude(judgements: Sequence[Judgement], seconds: float) -> None:
    counts = {result: sum(each.result is result for each in judgements) for result in Result}
    said = ", ".join(f"{count} {result.words}" for result, count in counts.items() if count)
    _print(f"{counted(len(judgements), 'fault')} in {seconds:.0f} s: {said}")
    for each in judgements:
        if not each.result.right:
            _print(_line(each))


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
