"""No case passes on the absence of what a mesh declares it never shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.mesh_profile.features import XFCC
from fixtures.mesh_profile.profile import MESHES
from fixtures.model.case_ids import case_id
from fixtures.model.document import DOCUMENTS
from fixtures.pytest_plugin.items import features_of
from tests.e2e.suite.runs import ROOT, run_suites

REASON = "the mesh writes none"

# What these look for is that there is no header: they pass on any mesh that never writes one.
ABSENCE = "absent_in_plain_text or client_without_proxy or no_mutual_tls"


@pytest.fixture(scope="module")
def marked() -> Mapping[str, set[str]]:
    """The cases that there are, each with its features."""
    found: dict[str, set[str]] = {}

    class Collected:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            found.update({case_id(item.nodeid): features_of(item) for item in session.items})

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert pytest.main(["suites", "--collect-only", "-qq"], plugins=[Collected()]) == 0
    return found


def documented() -> Iterator[tuple[str, list[str]]]:
    """The table of docs/adding-a-mesh.md: each feature with the patterns of its cases."""
    text = (ROOT / "docs" / "adding-a-mesh.md").read_text()
    _, _, table = text.partition("| feature | cases whose passing needs it |\n|---|---|\n")
    for line in table.partition("\n\n")[0].splitlines():
        feature, *patterns = re.findall(r"`([^`]+)`", line)
        yield feature, [re.escape(pattern).replace(r"\*", ".*") for pattern in patterns]


def test_the_documented_table_is_what_cases_are_marked_with(marked: Mapping[str, set[str]]) -> None:
    table = dict(documented())
    assert set(table) == {feature for each in marked.values() for feature in each}
    assert set(table) == {
        XFCC,
        *(feature for document in DOCUMENTS.values() for feature in document.features.values()),
    }
    for feature, patterns in table.items():
        by_table = {case for case in marked if any(re.fullmatch(each, case) for each in patterns)}
        assert by_table == {case for case, its in marked.items() if feature in its}, feature
        assert all(any(re.fullmatch(each, case) for case in marked) for each in patterns), feature


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    report = yaml.safe_load((folder / "conformance-report.yaml").read_text())
    left = ("not-run", "not-applicable")
    return {row["id"]: row for row in report["cases"] if row["result"] not in left}


def mesh_without(feature: str, folder: Path) -> str:
    path = folder / "without.yaml"
    declared = f"unsupported: [{{feature: {feature}, reason: {REASON}}}]\n"
    path.write_text((MESHES / "reference.yaml").read_text() + declared)
    return str(path)


def test_a_mesh_that_never_writes_the_header_passes_no_case_about_it(
    tmp_path: Path, marked: Mapping[str, set[str]]
) -> None:
    absence = run_suites("--fault", "xfcc-dropped", "-k", ABSENCE, reports=tmp_path / "undeclared")
    undeclared = rows(tmp_path / "undeclared")
    assert {row["result"] for row in undeclared.values()} == {"passed"}, absence.stdout
    assert len(undeclared) == 9

    chosen = "auto_mutual_tls or namespace_or_workload"
    mesh = mesh_without(XFCC, tmp_path)
    run = run_suites(
        *("--fault", "xfcc-dropped", "--mesh", mesh, "-k", chosen), reports=tmp_path / "declared"
    )
    declared = rows(tmp_path / "declared")
    unsupported = {case for case, row in declared.items() if row["result"] == "unsupported"}
    assert unsupported == {case for case, its in marked.items() if XFCC in its}, run.stdout
    assert set(undeclared) < unsupported
    assert all(REASON in declared[case]["reason"] for case in unsupported)
    others = {row["result"] for case, row in declared.items() if case not in unsupported}
    assert others == {"passed"}, run.stdout


UNMARKED = {
    "absent-in-plain-text": ("absent_in_plain_text and legacy-foo", XFCC),
    "reachability": ("reachability and policy-precedence", "peer-authentication"),
    "identity-is-rejected": ("identity_is_rejected", "server-identity"),
    "gateway-alone": ("gateway_alone and foo", "request-authentication"),
}
"""Tests, by what stands in the names of their cases: what chooses them, and a feature that they rely on."""


def test_a_case_that_is_not_marked_with_what_it_relies_on_cannot_pass(tmp_path: Path) -> None:
    """The policies that it enforces, or the header that it looks at, say what that is."""
    chosen = " or ".join(f"({chosen})" for chosen, _ in UNMARKED.values())
    run = run_suites(
        "-p", "tests.e2e.suite.without_marks", "-k", chosen, "--suite", "current", reports=tmp_path
    )
    results = rows(tmp_path)
    assert {row["result"] for row in results.values()} == {"could-not-tell"}, run.stdout
    for part, (_, feature) in UNMARKED.items():
        reasons = [row["reason"] for case, row in results.items() if part in case]
        assert reasons, f"no case of {part} ran: {list(results)}"
        assert all(f"relies on the feature {feature} without" in reason for reason in reasons), reasons
