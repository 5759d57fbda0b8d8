"""The kill table, as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from tools.fault_expectations import BOUND_S, FILE, MESH_BOUND_S, file_of
from tools.fault_judgement import Judgement, Result
from tools.fault_runs import AFTER_S, MOST_FAILURES, Case
from tools.numbers import counted

STEPS = ("reachability", "answers", "cleanup")
"""Tests whose cases are steps of a document, called after their step."""

CASES_SHOWN = 5

PROVENANCE = """\
Made by `make faults`, which runs the suites (mode quick) against every deliberately wrong mesh that
the lab knows. `python -m lab up --fault NAME` starts one; `pytest suites --fault NAME` shows what the
suites say of it. Those that are made of real Istio are in [faults-istio.md](faults-istio.md).
"""

PROVENANCE_OF_MESH = """\
Made by `make faults MESH={mesh}`, which installs {mesh} into a lab and makes it wrong: by a setting of its
installation, or by what is applied to it then. Each is a file in `meshes/{mesh}-faults/`. `pytest suites
--mesh {mesh} --fault NAME` shows what the suites (mode quick) say of one.
"""

RESULTS = """\
*Killed*: the case that must catch the fault failed first, and its text says what is wrong. Which case
that is and which words is written by hand, in `tools/{expectations}`. *Equivalent*: nothing that
the document promises shows the fault. *Could not tell*: nothing is wrong with the mesh, but what the
suite stands on broke; then it must never say that the mesh does not conform (exit code 3, not 1).
"""

BOUND = f"""\
The settle bound is {BOUND_S:g} s, and one right round is enough, {AFTER_S:g} s after the policies, as
several labs share the machine. A run ends after {MOST_FAILURES} failures. The fault that takes effect after
31 s is given the usual 30 s, and its run ends with the first failure.
"""

BOUND_OF_MESH = f"""\
The settle bound is {MESH_BOUND_S:g} s, as several labs share the machine. A run ends after {MOST_FAILURES}
failures.
"""


def document(judgements: Sequence[Judgement]) -> str:
    """docs/faults.md, or the page of an installed mesh, from judgements in the order of the registry."""
    mesh = judgements[0].run.fault.mesh if judgements else ""
    counts = Counter(each.result for each in judgements)
    wrong = [each for each in judgements if not each.result.right]
    lines = [
        f"# Known-bad meshes made of {mesh}" if mesh else "# Known-bad meshes",
        "",
        *(PROVENANCE_OF_MESH.format(mesh=mesh) if mesh else PROVENANCE).splitlines(),
        "",
        f"{counted(len(judgements), 'fault')}: {_counted(counts)}.",
        "",
        *RESULTS.format(expectations=(file_of(mesh) if mesh else FILE).name).splitlines(),
        "",
        *(BOUND_OF_MESH if mesh else BOUND).splitlines(),
    ]
    if wrong:
        lines += ["", "## Not as they must be", "", *_wrong(wrong)]
    for (name, section), members in groupby(
        judgements, key=lambda each: (each.run.fault.document, each.run.fault.section)
    ):
        lines += ["", f"## {section} ({name})", "", *_section(list(members))]
    return "\n".join(lines) + "\n"


def label(case: str) -> str:
    """What a case is called in the table: its step, or what its test says."""
    _, _, test, *parameters = case.split("/")
    if test in STEPS and parameters:
        return re.sub(r"^(istio|gateway-api)-", "", parameters[0])
    return test.replace("-", " ")


def _counted(counts: Counter[Result]) -> str:
    return ", ".join(f"{counts[result]} {result.words}" for result in Result if counts[result])


def _wrong(judgements: Iterable[Judgement]) -> Iterator[str]:
    for each in judgements:
        why = f" ({each.why})" if each.why else ""
        yield f"- `{each.run.fault.name}`: {each.result.words}{why}"


def _section(judgements: Sequence[Judgement]) -> Iterator[str]:
    killed = [each for each in judgements if each.run.findings]
    others = [each for each in judgements if not each.run.findings]
    if killed:
        yield "| fault | what is wrong | caught first by | the failure says | cases that failed |"
        yield "|---|---|---|---|---|"
        for each in killed:
            run = each.run
            says = "<br>".join(f"`{_escaped(words)}`" for words in run.expectation.says)
            first = _escaped(label(run.findings[0].name))
            yield _row(
                f"`{run.fault.name}`", run.fault.sentence, first, says, _failed(run.findings, run.cases)
            )
    if killed and others:
        yield ""
    if others:
        yield "| fault | what is wrong | result |"
        yield "|---|---|---|"
        for each in others:
            yield _row(f"`{each.run.fault.name}`", each.run.fault.sentence, _result(each))


def _result(judgement: Judgement) -> str:
    if judgement.result is Result.EQUIVALENT:
        return f"equivalent: {judgement.run.expectation.survives.strip()}"
    if judgement.result is Result.UNTOLD:
        run = judgement.run
        begun = "in the midst of the cases" if run.bad else "after all cases had passed"
        when = begun if run.cases else "before the first case"
        return f"could not tell (exit code {run.exit_code}), {when}: `{run.expectation.untold}`"
    return judgement.result.words


def _failed(findings: Sequence[Case], cases: int) -> str:
    counts = Counter(label(case.name) for case in findings)
    shown = [f"{_escaped(name)}{f' ×{count}' if count > 1 else ''}" for name, count in counts.items()]
    more = f" and {len(shown) - CASES_SHOWN} more" if len(shown) > CASES_SHOWN else ""
    ended = ", then it ended" if len(findings) >= MOST_FAILURES else ""
    return f"{len(findings)} of {cases}{ended}: {', '.join(shown[:CASES_SHOWN])}{more}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
