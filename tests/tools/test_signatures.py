"""The signatures of known-bad meshes: how they are kept, and that they are of what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.report.collecting import Collecting
from tools import fault_requirements, fault_runs, signatures
from tools.fault_expectations import Expectation
from tools.fault_runs import EXTENDED, Fault, Run
from tools.signature_recording import Recording
from tools.signatures import Signature, Signatures


def test_the_record_is_of_faults_and_cases_that_there_are() -> None:
    record = signatures.recorded()
    faults = {each.name: each for each in fault_runs.describe([each.fault for each in record.of_faults])}
    named = set(fault_requirements.named(fault_requirements.known()))
    cases = {entry.id for entry in Collecting().result().entries}
    assert not set(record.cases) - cases
    for each in record.of_faults:
        fault = faults[each.fault]
        assert (each.section, each.sentence) == (fault.section, fault.sentence)
        assert each.document == fault.document or (each.document == EXTENDED and each.fault in named)
        assert set(each.failed) | each.unseen <= set(record.cases)


def test_the_record_has_every_fault_that_breaks_a_document() -> None:
    faults = {each.name for each in fault_runs.describe(())}
    missing = faults - {each.fault for each in signatures.read(signatures.FILE).of_faults}
    assert not missing, f"make signatures FAULTS='{' '.join(sorted(missing))}' puts them on record"


GRID = {
    "differences": [
        {
            "what": "sleep.legacy to httpbin.foo: 200 instead of 000/56",
            "from": "legacy",
            "to": "foo",
            "observed": "200",
        },
        {"what": "sleep.foo to http://10.1.2.3:80/ip: 503 instead of 200 (it could not)", "repeat": "curl"},
        {"what": "By is 'spiffe://x' instead of 'spiffe://y'"},
        {"what": "it was refused within 1.23 s"},
    ]
}


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (
            {"observation": GRID},
            {
                "legacy to foo": "200",
                "sleep.foo to http://ADDRESS:80/ip": "503",
                "By": "'spiffe://x'",
                "it was refused within N s": "",
            },
        ),
        ({"differs": ["a: b instead of c"], "reason": "x"}, {"a": "b"}),
        ({"reason": "no header\nand more"}, {"no header": ""}),
        (
            {
                "differs": [
                    "sleep.bar to httpbin.foo, /ip (Authorization: Bearer {valid}): 200 instead of 401",
                    "sleep.bar to httpbin.foo, /ip (A: b) (C: {valid}): httpbin gets A: 'b' instead of 'c'",
                ]
            },
            {
                "sleep.bar to httpbin.foo, /ip (Authorization: Bearer {valid})": "200",
                "sleep.bar to httpbin.foo, /ip (A: b) (C: {valid})": "httpbin gets A: 'b'",
            },
        ),
    ],
)
def test_the_wrong_cells_of_a_case_are_told_without_what_differs_between_clusters(
    row: dict[str, Any], cells: dict[str, str]
) -> None:
    assert signatures.wrong_cells(row) == cells


def ended(fault: str, rows: list[dict[str, Any]]) -> Run:
    described = Fault(fault, "current", "Section", f"{fault} is wrong.", ("current",))
    return Run(described, Expectation(), 1, len(rows), (), "", 1.0, Path(), rows)


def case(name: str, result: str) -> dict[str, Any]:
    return {"id": f"current/{name}", "document": "current", "result": result, "reason": "x: 1 instead of 2"}


def test_a_run_replaces_what_is_on_record_of_its_fault_only(tmp_path: Path) -> None:
    file = tmp_path / "signatures.yaml"
    recording = Recording(["one", "two"], file)
    recording.add(ended("gone", [case("a", "failed")]))
    recording.add(ended("two", [case("a", "failed"), case("b", "passed"), case("gone", "failed")]))
    recording.add(ended("one", [case("a", "passed"), case("b", "blocked"), case("new", "failed")]))
    assert signatures.read(file) == Signatures(
        ["current/a", "current/b", "current/new"],
        [
            Signature(
                "one",
                "current",
                "Section",
                "one is wrong.",
                {"current/new": {"x": "1"}},
                frozenset(["current/b"]),
            ),
            Signature(
                "two",
                "current",
                "Section",
                "two is wrong.",
                {"current/a": {"x": "1"}},
                frozenset(["current/new"]),
            ),
        ],
    )
    recording.add(ended("one", []))
    assert len(signatures.read(file).of_faults) == 2


def test_what_the_extended_suite_sees_is_kept_beside_whatever_a_fault_breaks_first(tmp_path: Path) -> None:
    file = tmp_path / signatures.EXTENDED.name
    rows = [
        {"id": f"extended/{name}", "document": "extended", "result": result, "reason": "x: 1 instead of 2"}
        for name, result in {"a": "failed", "b": "passed", "c": "not-run"}.items()
    ]
    Recording(["one"], file, "extended").add(ended("one", rows))
    (found,) = signatures.read(file).of_faults
    assert (found.document, found.failed) == ("extended", {"extended/a": {"x": "1"}})
    assert found.unseen == {"extended/c"}
    assert "written by `make faults SUITE=extended`" in file.read_text()


def test_a_run_of_a_few_cases_keeps_what_one_of_all_has_seen_of_the_others(tmp_path: Path) -> None:
    file = tmp_path / signatures.EXTENDED.name

    def record(**results: str) -> Signature:
        rows = [case(name, result) for name, result in results.items()]
        Recording(["one"], file).add(ended("one", rows))
        (found,) = signatures.read(file).of_faults
        return found

    record(a="failed", b="failed", c="passed", d="failed", gone="failed")
    found = record(a="failed", b="passed", c="not-run", d="not-run", new="not-run", e="blocked")
    assert list(found.failed) == ["current/a", "current/d"]
    assert found.unseen == {"current/new", "current/e"}
    assert not record(a="passed", b="passed", c="passed", d="blocked").failed


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    cases = [f"current/{number}" for number in range(12)]
    unseen = frozenset(cases[number] for number in (0, 3, 4, 5, 11))
    written = Signatures(
        cases, [Signature("f", "current", "S", "It is.", {"current/1": {"a": "503"}}, unseen)]
    )
    file = tmp_path / "signatures.yaml"
    file.write_text(signatures.dump(written))
    assert signatures.read(file) == written
    assert "unseen: 0, 3-5, 11" in file.read_text()
