"""Somebody looks at Istio while a run waits in a step: its proxies stand beside those of the reference."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.suite.test_pausing import CASE, WAITS, needs_kubectl, on_a_terminal, typed
from tests.planes.istio_lab import bundle

__all__ = ["on_a_terminal"]

PLAIN, MUTUAL = "plain text", "mutual TLS where there is a proxy"


def answers(command: str, kubeconfig: str) -> list[str]:
    """What the command prints, up to three times, until that is no success.

    A connection from before the policy serves one more request, however much later, and each of the two
    workers of the client's Envoy may have one.
    """
    said: list[str] = []
    while len(said) < 3 and said[-1:] in ([], ["200"]):
        asked = typed(command, kubeconfig)
        assert asked.returncode == 0, asked.stderr
        said.append(asked.stdout.strip())
    return said


@needs_kubectl
def test_at_a_pause_what_proxies_do_stands_beside_what_those_of_the_reference_do(
    on_a_terminal, tmp_path: Path
) -> None:
    """Of an Istio whose clients send plain text, and that is else as it should be."""
    bundle()
    wrong = ("--fault", "auto-mutual-tls-off", "--bound", "1")
    run = on_a_terminal(tmp_path, "--mesh", "istio", "--at", CASE, *wrong)
    shown = run.until(WAITS)
    lines = [line.strip() for line in shown.splitlines()]
    (kubeconfig,) = re.findall(r"export KUBECONFIG=(\S+)", shown)
    differs = next(at for at, line in enumerate(lines) if line.startswith("# sleep.foo to httpbin.foo: 503"))
    assert "503" in answers(lines[differs + 1], kubeconfig)

    (place,) = re.findall(r"  less (\S+);", shown)
    folder = Path(place).parent
    head, *rows = [re.split(r" {2,}", line.strip()) for line in Path(place).read_text().splitlines()]
    assert head == ["istio", "reference"]
    proxies = {row[0] for row in rows}
    assert proxies == {
        f"{app}.{place}" for app in ("httpbin", "sleep", "another") for place in ("foo", "bar")
    }
    calls = [row for row in rows if row[1].startswith("to ")]
    ports = [row for row in rows if row not in calls]
    assert {tuple(row[2:]) for row in calls} == {(PLAIN, MUTUAL, "!")}
    assert ["httpbin.bar", "port 8080", PLAIN, PLAIN] in ports
    assert ["httpbin.foo", "port 8080", "mutual TLS", "mutual TLS"] in ports
    assert all(mine == other for _, _, mine, other in ports)
    assert [re.split(r" {2,}", line) for line in lines if line.endswith("  !")] == calls
    for mesh in head:
        assert {dump.stem for dump in (folder / mesh).iterdir()} > proxies

    run.type("\n")
    assert run.ends() == 1
    assert not folder.exists()
