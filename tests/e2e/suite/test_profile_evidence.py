"""What a profile's own commands say: the version of the mesh in the report, and more in the evidence."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from fixtures.mesh_profile.profile import MESHES
from tests.e2e.suite.runs import run_suites

DUMP = re.compile(r"^configDump:\n(?:  .*\n)+", re.MULTILINE)

COMMANDS = """
versions:
  mesh: [sh, -c, "echo control plane version: 1.2.3; echo data plane version: 1.2.2"]
evidence:
  known.txt: [sh, -c, "echo what the mesh knows in $KUBE_CONTEXT"]
  missing.txt: [no-such-program]
"""


def test_a_mesh_without_a_configuration_dump_has_a_version_and_evidence(tmp_path: Path) -> None:
    mesh, reports = tmp_path / "mine.yaml", tmp_path / "reports"
    mesh.write_text(DUMP.sub("", (MESHES / "reference.yaml").read_text()) + COMMANDS)
    run = run_suites(
        *("--mesh", str(mesh), "--fault", "strict-as-permissive", "--bound", "1", "--evidence", "whole"),
        *("-k", "mesh_wide_strict and reachability", "--suite", "current"),
        reports=reports,
    )
    assert run.returncode == 1, run.stdout
    report = yaml.safe_load((reports / "conformance-report.yaml").read_text())
    (reference,) = (each for each in report["implementations"] if each["document"] == "current")
    said = "control plane version: 1.2.3; data plane version: 1.2.2"
    assert reference["version"] == said
    assert reference["environment"]["mesh"] == said
    (folder,) = (reports / row["evidence"] for row in report["cases"] if "evidence" in row)
    assert (folder / "commands" / "known.txt").read_text().startswith("what the mesh knows in ")
    page = (folder / "README.md").read_text()
    assert "`commands/`: what the commands of the mesh profile say of the mesh (1 file)" in page
    why = "MissingProgram: no-such-program is not installed"
    assert f"`commands/missing.txt`: could not be collected: {why}" in page
