"""The plugin for Sonobuoy: what it runs, and what it leaves for Sonobuoy, which does not run here."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.model.step import MANIFESTS
from fixtures.report.ownership import JUNIT
from tests.e2e.elsewhere.test_image import CONTAINERFILE, instructions
from tests.labs import ROOT

DEFINITION = CONTAINERFILE.with_name("sonobuoy-plugin.yaml")
PLUGIN: dict[str, Any] = yaml.safe_load(DEFINITION.read_text())
JOB: dict[str, Any] = yaml.safe_load((MANIFESTS / "in-cluster/job.yaml").read_text())["spec"]["template"][
    "spec"
]
ENDS_WITHIN_S = 30


class Pod:
    """The plugin's container as a folder, with a program in place of Python that is told what to do."""

    def __init__(self, folder: Path, stand_in: str) -> None:
        self.results = folder / "results"
        self.results.mkdir()
        self.reports = folder / "reports"
        program = folder / "bin" / "python"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\nreports={self.reports}\n{stand_in}\n")
        program.chmod(0o755)
        # Another run of this test may be at work in /tmp.
        shell, option, script, *rest = [
            word.replace("/tmp/reports", str(self.reports)) for word in PLUGIN["spec"]["command"]
        ]
        self.process = subprocess.Popen(
            [shell, option, script, *rest, *PLUGIN["spec"]["args"]],
            env={
                "PATH": f"{program.parent}:{os.environ['PATH']}",
                "SONOBUOY_RESULTS_DIR": str(self.results),
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    def ends(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=ENDS_WITHIN_S)
        return self.process.returncode, output

    def handed_over(self) -> list[str]:
        """The files that Sonobuoy's own container finds, by what `done` says."""
        with tarfile.open((self.results / "done").read_text()) as archive:
            return sorted(member.name for member in archive.getmembers() if member.isfile())


def test_the_reports_are_handed_over_also_when_the_mesh_does_not_conform(tmp_path: Path) -> None:
    makes = f"mkdir $reports/evidence; touch $reports/{JUNIT} $reports/evidence/README.md"
    pod = Pod(tmp_path, f'printf "%s\\n" "$@"; {makes}; exit 1')
    code, output = pod.ends()
    assert code == 1
    entry = re.findall(r'"([^"]+)"', " ".join(*instructions("ENTRYPOINT")))
    given = ["--reports", str(pod.reports), *PLUGIN["spec"]["args"]]
    assert ["python", *output.splitlines()] == [*entry, *given]
    assert pod.handed_over() == ["./evidence/README.md", f"./{JUNIT}"]


def test_a_run_that_could_not_begin_is_told_of_too(tmp_path: Path) -> None:
    """The real entry point, which is in no pod here."""
    pod = Pod(tmp_path, f'cd {ROOT} && exec {sys.executable} "$@"')
    code, _ = pod.ends()
    assert code == 3
    assert pod.handed_over() == []


def test_when_the_pod_is_to_end_the_run_cleans_up_before_it_is_told_of(tmp_path: Path) -> None:
    leaves = 'trap "sleep 1; touch $reports/cleaned; exit 2" TERM; echo begun; while :; do sleep 0.1; done'
    pod = Pod(tmp_path, leaves)
    assert pod.process.stdout
    assert pod.process.stdout.readline() == "begun\n"
    pod.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    code, _ = pod.ends()
    assert (code, time.monotonic() - began > 0.9) == (2, True)
    assert pod.handed_over() == ["./cleaned"]


def test_the_arguments_are_such_as_pytest_takes() -> None:
    plan = [sys.executable, "-m", "pytest", "suites", "--target", "cluster", "--dry-run", "-k", "setup"]
    run = subprocess.run(
        [*plan, *PLUGIN["spec"]["args"], "-q"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "field", ["image", "imagePullPolicy", "args", "resources"], ids=lambda field: str(field)
)
def test_it_is_the_run_of_the_job(field: str) -> None:
    (container,) = JOB["containers"]
    assert PLUGIN["spec"][field] == container[field]


def test_it_runs_as_the_user_of_the_image_and_ends_as_the_job_does() -> None:
    security = PLUGIN["spec"]["securityContext"]
    assert [[f"{security['runAsUser']}:{security['runAsGroup']}"]] == instructions("USER")
    grace = "terminationGracePeriodSeconds"
    assert PLUGIN["podSpec"][grace] == JOB[grace]


def test_sonobuoy_finds_what_a_plugin_must_say() -> None:
    """The fields of its definition, and where it mounts what is handed over."""
    config = PLUGIN["sonobuoy-config"]
    assert set(PLUGIN) == {"sonobuoy-config", "podSpec", "spec"}
    assert (config["driver"], config["result-format"]) == ("Job", "junit")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", config["plugin-name"])
    assert PLUGIN["spec"]["volumeMounts"] == [{"mountPath": "/tmp/sonobuoy/results", "name": "results"}]
    assert PLUGIN["podSpec"]["containers"] == []
