"""Runs of the suites against wrong meshes, each with a lab of its own, several at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import fast_yaml, fault_expectations, forked_suites, lab_program, wrong_meshes
from tools.children import Children
from tools.fault_expectations import Expectation
from tools.lab_program import BadFault

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "reports" / "faults"
MESHES = ROOT / "meshes"
EXTENDED = "extended"
"""The document of faults that show in the suite beside the documents."""
REPORT = "conformance-report.yaml"
PASSED, FAILED, COULD_NOT_TELL = "passed", "failed", "could-not-tell"
BAD = (FAILED, COULD_NOT_TELL)
"""Results of cases, as reports name them."""

AFTER_S = 0.15
"""One right round is enough, so long after the policies. A fault must have come through by then, on a machine
that is busy with other labs; the suite has three rounds, the first at once."""

MOST_FAILURES = 5
"""A run ends with so many: each costs the whole bound, and more would tell nothing new."""

NOT_NEEDED = ("cacheprovider", "allure_pytest", "unraisableexception")
"""Plugins of pytest that write small files, or collect garbage, of which nothing is read here."""


@dataclass(frozen=True)
class Fault:
    """A fault as the lab describes it."""

    name: str
    document: str
    section: str
    sentence: str
    meshes: tuple[str, ...]
    mesh: str = ""
    """The profile of the mesh that it is made of; "" for a reference mesh."""


@dataclass(frozen=True)
class Case:
    """A case that did not pass, as the report has it. `text` is its whole reason."""

    name: str
    failed: bool
    """Whether the mesh was found to be wrong; otherwise nothing could be told."""
    text: str
    requirement: str = ""
    """Of the extended suite: what it is about."""


@dataclass(frozen=True)
class Run:
    """What a run of the suite came to."""

    fault: Fault
    expectation: Expectation
    exit_code: int
    cases: int
    bad: tuple[Case, ...]
    output: str
    seconds: float
    folder: Path
    """With the reports and what was printed, until the run has been told of."""

    rows: Sequence[Mapping[str, Any]] = ()
    """All cases, as the report has them."""

    @property
    def findings(self) -> list[Case]:
        """The cases that say that the mesh is wrong."""
        return [case for case in self.bad if case.failed]


def describe(names: Sequence[str]) -> list[Fault]:
    """These faults, or all that break a document. Raises BadFault."""
    described = [Fault(**fields) for fields in lab_program.described_faults(names)]
    return [each for each in described if names or each.document != EXTENDED]


def of_mesh(mesh: str, names: Sequence[str]) -> list[Fault]:
    """These wrong meshes made of an installed one, or all there are. Raises BadFault."""
    path = MESHES / f"{mesh}.yaml"
    profile = fast_yaml.load(path.read_text()) if path.is_file() else {}
    if not (folder := profile.get("lab", {}).get("faults")):
        raise BadFault(f"there are no wrong meshes made of {mesh} (lab.faults of {path})")
    try:
        known = wrong_meshes.known(MESHES / folder)
        chosen = [wrong_meshes.find(MESHES / folder, name) for name in names] or known
    except wrong_meshes.BadWrongMesh as error:
        raise BadFault(str(error)) from None
    document = profile["api"]
    # As the document has its sections, which is how they are listed there.
    order = list(fault_expectations.load(fault_expectations.file_of(mesh)))
    chosen.sort(key=lambda each: order.index(each.name) if each.name in order else len(order))
    return [Fault(each.name, document, each.section, each.sentence, (document,), mesh) for each in chosen]


def run_all(
    chosen: Iterable[tuple[Fault, Expectation]],
    jobs: int,
    done: Callable[[Run], None],
    ours: Children,
    *,
    to_the_end: bool = False,
) -> list[Run]:
    """Runs the suite against each fault, so many at a time; `done` is told of each, from any thread.

    `to_the_end` goes on however many cases have failed.
    """
    # Those that wait for a bound are begun first, and those that are caught early last, so that in the end
    # nobody waits for a long one.
    ordered = sorted(chosen, key=lambda pair: (bool(pair[1].untold), pair[1].bound_s))[::-1]
    with ThreadPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(run, fault, expectation, done, ours, to_the_end) for fault, expectation in ordered
        ]
        try:
            return [future.result() for future in as_completed(futures)]
        except BaseException:
            ours.end()
            pool.shutdown(cancel_futures=True)
            raise


def run(
    fault: Fault,
    expectation: Expectation,
    done: Callable[[Run], None],
    ours: Children,
    to_the_end: bool = False,
) -> Run:
    """Runs what must catch a fault against a lab with this fault."""
    start = time.monotonic()
    REPORTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=REPORTS) as scratch:
        folder, reports = Path(scratch), Path(scratch, "reports")
        options = [
            *(word for plugin in NOT_NEEDED for word in ("-p", f"no:{plugin}")),
            *chosen(fault, expectation, to_the_end),
            *("--fault", fault.name),
            *("--bound", f"{expectation.bound_s:g}"),
            *(("--mesh", fault.mesh) if fault.mesh else ("--rounds", "1", "--after", f"{AFTER_S:g}")),
            *("--reports", str(reports), "--evidence", "summary", "--color=no"),
        ]
        exit_code, output = forked_suites.run(options, folder, ours)
        cases = _cases(reports / REPORT)
        bad = tuple(
            Case(
                case["id"],
                case["result"] == FAILED,
                case["reason"],
                case.get("requirement", {}).get("id", ""),
            )
            for case in cases
            if case["result"] in BAD
        )
        ran = sum(case["result"] in (*BAD, PASSED) for case in cases)
        seconds = time.monotonic() - start
        seen = Run(fault, expectation, exit_code, ran, bad, output, seconds, folder, cases)
        done(seen)
        return seen


def chosen(fault: Fault, expectation: Expectation, to_the_end: bool) -> list[str]:
    """The options that choose cases: those of the fault's document, or of the requirements that it breaks.

    A requirement needs a failure of its own, however many others have; and it may have no case but one that
    takes its time. To the end are all cases of its suite.
    """
    if expectation.requirements:
        broken = () if to_the_end else expectation.requirements
        of_each = (word for each in broken for word in ("--requirement", each))
        return ["--suite", EXTENDED, "--mode", "full", *of_each]
    most = 1 if expectation.only_first else 0 if to_the_end else MOST_FAILURES
    return ["--suite", fault.document, "--mode", "quick", f"--maxfail={most}"]


def _cases(report: Path) -> list[dict[str, Any]]:
    """The cases in a report, in the order of the suites; none if the run did not come to write one."""
    if not report.exists():
        return []
    loaded = fast_yaml.load(report.read_text())
    cases: list[dict[str, Any]] = loaded["cases"]
    return cases
