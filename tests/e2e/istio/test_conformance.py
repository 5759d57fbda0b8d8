"""The suites on real Istio, installed into a lab as its profile says, and what a killed part of it leaves."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.lab.conftest import Home, alive, gone
from tests.labs import ROOT, short_directory
from tests.planes.istio_lab import bundle
from tools import bundles

QUICK = ("--suite", "current", "--mode", "quick")
STEPS = "mesh-wide-strict or cleanup-1 or port-8080-disabled or istio-require or istio-jwt"


class Run:
    """A run of the suites against Istio."""

    def __init__(self, home: Home, reports: Path, *options: str, mesh: str = "istio") -> None:
        self.home = home
        self.reports = reports
        command = [sys.executable, "-m", "pytest", "suites", "--color=no", "--mesh", mesh, *QUICK, *options]
        self.process = subprocess.Popen(
            [*command, "--reports", str(reports)],
            cwd=ROOT,
            env={**home.env(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def close(self) -> None:
        """Ends it if it goes on."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def until(self, text: str, times: int = 1) -> None:
        """Reads on until a text has been printed so often."""
        assert self.process.stdout
        while times:
            line = self.process.stdout.readline()
            assert line, "the run has ended:\n" + "".join(self.lines)
            self.lines.append(line)
            times -= text in line

    def end(self) -> str:
        """Reads on to the end; gives all that was printed."""
        assert self.process.stdout
        self.lines += self.process.stdout.readlines()
        self.process.wait(60)
        return "".join(self.lines)

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = yaml.safe_load((self.reports / "conformance-report.yaml").read_text())
        return report

    @property
    def lab(self) -> Path:
        """The directory of its lab."""
        (lab,) = (path for path in self.home.path.iterdir() if path.is_dir())
        return lab

    def apply(self, *manifests: dict[str, Any]) -> None:
        """What somebody else does in the same cluster meanwhile."""
        subprocess.run(
            ["kubectl", "--kubeconfig", str(self.lab / "kubeconfig"), "apply", "-f", "-"],
            input=yaml.safe_dump_all(manifests),
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def processes(self) -> dict[int, str]:
        """Those of its lab."""
        return self.home.processes(self.lab.name)


Start = Callable[..., Run]


@pytest.fixture
def home() -> Iterator[Home]:
    bundle()
    with short_directory() as directory:
        here = Home(Path(directory))
        yield here
        here.lab("down", "--all")


@pytest.fixture
def start(home: Home, tmp_path: Path) -> Iterator[Start]:
    """Begins a run that ends with the test, if not before."""
    with contextlib.ExitStack() as stack:

        def begin(*options: str, mesh: str = "istio") -> Run:
            run = Run(home, tmp_path, *options, mesh=mesh)
            stack.callback(run.close)
            return run

        yield begin


def test_istio_conforms_and_the_report_names_what_it_was_made_of(home: Home, start: Start) -> None:
    run = start("-k", STEPS)
    said = run.end()
    assert run.process.returncode == 0, said
    (mesh,) = (mesh for mesh in run.report["implementations"] if mesh["document"] == "current")
    seen, made = mesh["environment"], bundle()
    assert mesh["version"] == made.name
    assert seen["bundle"] == bundles.described(made)
    assert f"control plane version: {bundles.version_of(made)}" in seen["istio"]
    assert re.search(r"\d+\.\d+\.\d+/\w+/RELEASE/", seen["proxy"])
    assert seen["image of istio-proxy"] == f"docker.io/istio/proxyv2:{made.name}"
    switches = yaml.safe_load((ROOT / "meshes" / "istio.yaml").read_text())["lab"]["switches"]
    told = [f"installed with {switch}: {reason}" for switch, reason in switches.items()]
    assert mesh["observed"][: len(told)] == told
    assert not list(home.path.iterdir())


def test_istio_without_a_gateway_of_its_own_conforms(start: Start) -> None:
    steps = "gateway-api-jwt or gateway-api-require or mesh-wide-strict"
    run = start("-k", steps, mesh="istio-gateway-api")
    said = run.end()
    assert run.process.returncode == 0, said
    assert "unsupported" in said or "not run" in said


@pytest.mark.parametrize(
    ("who", "text"), [("pytest", "istioctl install"), ("pytest", "PASSED"), ("lab", "PASSED")]
)
def test_whatever_is_killed_nothing_is_left(who: str, text: str, home: Home, start: Start) -> None:
    run = start()
    run.until(text)
    time.sleep(random.uniform(0, 4))
    running = run.processes()
    assert any("pilot-discovery" in line for line in running.values()) or text == "istioctl install"
    if who == "pytest":
        run.process.kill()
    else:
        os.kill(next(pid for pid, line in running.items() if "unshare" in line), signal.SIGKILL)
    said = run.end()
    assert run.process.returncode == (-signal.SIGKILL if who == "pytest" else 3), said
    assert gone([*running, *_started_by(home)])
    assert not [line for line in said.splitlines() if "FAILED" in line]


def _istiod(run: Run) -> int:
    """Its process, waited for where the one before was killed as well."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := [pid for pid, line in run.processes().items() if "/pilot-discovery discovery" in line]:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("istiod does not come back")


def _started_by(home: Home) -> list[int]:
    """Commands on this machine that were given the kubeconfig of one of these labs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(home.path).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if alive(pid)]


REFUSED = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "EnvoyFilter",
    "metadata": {"name": "refused", "namespace": "istio-system"},
    "spec": {
        "workloadSelector": {"labels": {"app": "sleep"}},
        "configPatches": [
            {
                "applyTo": "CLUSTER",
                "match": {"cluster": {"name": "BlackHoleCluster"}},
                "patch": {"operation": "MERGE", "value": {"connect_timeout": "-3s"}},
            }
        ],
    },
}
"""A cluster that nothing goes to, as Envoy does not take it. With what it has STRICT is seen all the same."""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_run_during_which_a_proxy_refused_its_configuration_could_not_tell(
    workers: tuple[str, ...], start: Start
) -> None:
    run = start("-k", "test_3", *workers)
    run.until("PASSED")
    run.apply(REFUSED)
    said = run.end()
    report = run.report
    assert {case["result"] for case in report["cases"]} <= {"passed", "not-run", "not-applicable"}, said
    assert (report["result"], run.process.returncode) == ("could-not-tell", 3), said
    refused = next(mesh for mesh in report["implementations"] if mesh["document"] == "current")
    lines = refused["refusedConfiguration"]
    assert all(
        re.match("the proxy of (foo|bar)(-2)?/sleep-.* refused its clusters: ", line) for line in lines
    )
    assert any("Expected positive duration" in line for line in lines)
    (conclusion,) = [line for line in said.splitlines() if line.startswith("conclusion ")]
    assert "refused its clusters" in conclusion


def test_an_istiod_that_is_killed_is_no_finding(start: Start) -> None:
    # A proxy may wait 30 s, which is the usual bound, before it tries again to reach a control plane.
    run = start("-k", "test_2 or test_3 or test_4", "--bound", "90")
    for passed in (3, 8):
        run.until("PASSED", passed)
        time.sleep(random.uniform(0, 0.5))
        os.kill(_istiod(run), signal.SIGKILL)
    said = run.end()
    results = {case["result"] for case in run.report["cases"]}
    assert "failed" not in results, said
    # What proxies refused while the former process counted is not known.
    assert run.process.returncode == 3
    refused = run.report["implementations"][0]["refusedConfiguration"]
    assert any(re.search("istiod-.* ended or restarted during the run", line) for line in refused)
