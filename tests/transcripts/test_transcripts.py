"""Somebody with kubectl types the documents' commands, and reads what the documents print."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.issuer import Issuer
from tests.labs import running_lab
from tests.transcripts import transcript
from tests.transcripts.transcript import Exchange
from tools import tokens

HERE = Path(__file__).parent
CURRENT = transcript.read(HERE / "current.md")
END_USER = {api: transcript.read(HERE / f"end-user-{api}.md") for api in ("istio", "gateway-api")}

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")

# Port 80 of a load balancer's address, as the document has it, is not for every user to listen on.
FIRST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
needs_port_80 = pytest.mark.skipif(
    os.geteuid() != 0 and int(FIRST_PORT.read_text()) > 80, reason="this user may not listen on port 80"
)


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with running_lab() as path:
        yield path


@pytest.fixture(params=END_USER)
def playground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A lab in which the document's set-up was typed, for one configuration API."""
    with running_lab() as path:
        played(CURRENT["Setup"], path, tmp_path)
        yield request.param, path


def played(exchanges: list[Exchange], kubeconfig: Path, scratch: Path, **environment: str) -> list[Exchange]:
    printed = []
    for exchange in exchanges:
        printed.append(transcript.play(exchange, kubeconfig, scratch, **environment))
        if " apply -f manifests/playground/sleep.yaml -n legacy" in exchange.command:
            wait_for_the_playground(kubeconfig)
    return printed


@needs_kubectl
@pytest.mark.parametrize("section", CURRENT)
def test_mutual_tls_typed_as_printed(section: str, kubeconfig: Path, tmp_path: Path) -> None:
    """The sections build upon one another, as they do for a reader."""
    assert as_text(played(CURRENT[section], kubeconfig, tmp_path)) == as_text(CURRENT[section])


@needs_kubectl
@needs_port_80
def test_end_user_authentication_typed_as_printed(playground: tuple[str, Path], tmp_path: Path) -> None:
    api, kubeconfig = playground
    issuer = Issuer()
    key = tmp_path / "key.pem"
    key.write_bytes(tokens.pem(issuer.key))
    wanted = [
        replace(exchange, command=exchange.command.replace("KEY-SET-URL", issuer.key_set_url))
        for exchanges in END_USER[api].values()
        for exchange in exchanges
    ]
    assert as_text(played(wanted, kubeconfig, tmp_path, KEY=str(key))) == as_text(wanted)


def as_text(exchanges: list[Exchange]) -> str:
    return "\n".join(str(exchange) for exchange in exchanges)


def wait_for_the_playground(kubeconfig: Path) -> None:
    """The document's reader takes longer to type the next command than the pods to start."""
    wait = ["kubectl", "wait", "--for=condition=Available", "deployment", "--all", "-A", "--timeout=60s"]
    subprocess.run([*wait, f"--kubeconfig={kubeconfig}"], check=True, capture_output=True, timeout=70)
