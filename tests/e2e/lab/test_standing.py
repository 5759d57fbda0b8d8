"""A lab that stands in a step of the suites."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.e2e.lab.conftest import Home, gone

CASE = "current/namespace-or-workload/reachability/port-8080-disabled"

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


def printed(output: str, beginning: str) -> list[str]:
    """The command lines of an output that begin so."""
    return [line.strip() for line in output.splitlines() if line.strip().startswith(beginning)]


@needs_kubectl
def test_a_lab_is_put_into_a_step_and_the_printed_commands_work(home: Home) -> None:
    up = home.lab("up", "--at", CASE, "--fault", "port-level-ignored")
    assert up.returncode == 0, up.stderr
    (export,) = up.stdout.splitlines()
    variable, _, kubeconfig = export.removeprefix("export ").partition("=")
    environment = {**os.environ, variable: kubeconfig}

    def typed(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shlex.split(command), env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    assert f"{CASE.partition('/')[2].partition('/')[2]} is not as expected" in up.stderr
    (policies,) = printed(up.stderr, "kubectl get")
    assert set(re.findall(r"^    name: (\S+)$", typed(policies).stdout, re.M)) == {"default", "httpbin"}
    differs = "# sleep.legacy to httpbin.bar: 000/56 instead of 200"
    lines = [line.strip() for line in up.stderr.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith(differs))
    asked = typed(lines[at + 1])
    assert (asked.returncode, asked.stdout.strip()) == (56, "000")
    dump = typed(next(line for line in printed(up.stderr, "kubectl exec") if "config_dump" in line))
    assert '"virtualInbound"' in dump.stdout, dump.stderr
    running = home.processes()
    assert home.lab("down").returncode == 0
    assert gone(list(running))


def test_what_cannot_be_stood_in_is_one_line_and_leaves_no_lab(home: Home) -> None:
    wrong = home.lab("up", "--at", "current/setup/reachabilty")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    (line,) = wrong.stderr.splitlines()
    assert line.startswith("lab: there is no case current/setup/reachabilty: did you mean")
    other = home.lab("up", "--mesh", "istio-1.0", "--at", CASE)
    assert (other.returncode, other.stderr) == (2, f"lab: --mesh istio-1.0: the case {CASE} needs current\n")
    assert list(home.path.iterdir()) == []


def test_a_lab_that_does_not_get_into_the_step_ends(home: Home) -> None:
    broken = home.lab("up", "--at", CASE, "--fault", "exec-refused")
    assert broken.returncode == 5, broken.stderr
    assert broken.stdout == ""
    assert home.lab("status").returncode == 1
