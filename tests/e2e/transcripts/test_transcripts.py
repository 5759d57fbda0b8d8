"""Somebody with kubectl types the documents' commands, and reads what the documents print."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from fixtures.probing.settle import Bound, settle
from fixtures.tokens.issuer import Issuer
from tests.e2e.transcripts import transcript
from tests.e2e.transcripts.transcript import Exchange
from tests.labs import running_lab
from tests.planes.istio_lab import IstioLab
from tests.planes.option import chosen
from tools import tokens

HERE = Path(__file__).parent

# In which order a reader types the transcripts, to each mesh.
TYPED = {
    "current": ("current.md", "end-user-istio.md", "current.md#Setup", "end-user-gateway-api.md"),
    "istio-1.0": ("istio-1.0.md",),
}

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")

# Port 80 of a load balancer's address, as the document has it, is not for every user to listen on.
FIRST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
needs_port_80 = pytest.mark.skipif(
    os.geteuid() != 0 and int(FIRST_PORT.read_text()) > 80, reason="this user may not listen on port 80"
)

# What changes nothing. The mesh follows a policy within moments, and a reader who was faster asks again.
QUESTIONS = ("curl ", "for from in ", "kubectl exec ")
FOLLOWED = Bound(seconds=10, rounds=1)


@dataclass(frozen=True)
class Reader:
    """Somebody at a shell. What they set in it lasts for as long as `scratch` is there."""

    kubeconfig: Path
    scratch: Path
    issuer: Issuer

    def plays(self, exchanges: list[Exchange]) -> None:
        """Types the commands, and finds below each what should be there."""
        wanted = [
            replace(exchange, command=exchange.command.replace("KEY-SET-URL", self.issuer.key_set_url))
            for exchange in exchanges
        ]
        key = self.scratch / "key.pem"
        key.write_bytes(tokens.pem(self.issuer.key))
        assert as_text([self._types(exchange, key) for exchange in wanted]) == as_text(wanted)

    def _types(self, exchange: Exchange, key: Path) -> Exchange:
        def printed() -> Exchange:
            return transcript.play(exchange, self.kubeconfig, self.scratch, KEY=str(key))

        if exchange.command.startswith(QUESTIONS):
            return settle(printed, lambda seen: seen == exchange, FOLLOWED).seen[-1].state
        seen = printed()
        if " apply -f manifests/playground/sleep.yaml -n legacy" in exchange.command:
            wait_for_the_playground(self.kubeconfig)
        return seen


@pytest.fixture(scope="module")
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The reader of one document, with a lab of their own for as long as its sections are typed.

    Of Istio there is one lab, which is as it was installed but for what these namespaces had in them.
    """
    if chosen(request.config) == "istio":
        lab: IstioLab = request.getfixturevalue("istio_lab")
        for namespace in ("foo", "bar", "legacy"):
            lab.remove_namespace(namespace)
        yield Reader(lab.kubeconfig, tmp_path_factory.mktemp("reader"), Issuer())
        return
    with running_lab("--mesh", request.param) as kubeconfig:
        yield Reader(kubeconfig, tmp_path_factory.mktemp("reader"), Issuer())


def sections(mesh: str) -> Iterator[ParameterSet]:
    """Each section that is typed to a mesh. From the first that asks the ingress on, port 80 is needed."""
    marks: list[pytest.MarkDecorator] = []
    if mesh == "istio-1.0":
        marks.append(pytest.mark.reference_only("there is no Istio 1.0 to run on"))
    for transcript_name in TYPED[mesh]:
        file, _, only = transcript_name.partition("#")
        for heading, exchanges in transcript.read(HERE / file).items():
            if heading == "End-user authentication":
                marks = [*marks, needs_port_80]
            if not only or heading == only:
                yield pytest.param(mesh, exchanges, id=f"{file.removesuffix('.md')}-{heading}", marks=marks)


@needs_kubectl
@pytest.mark.parametrize(
    ("reader", "exchanges"),
    [*sections("current"), *sections("istio-1.0")],
    indirect=["reader"],
    scope="module",
)
def test_typed_as_printed(reader: Reader, exchanges: list[Exchange]) -> None:
    """The sections build upon one another, as they do for a reader."""
    reader.plays(exchanges)


def as_text(exchanges: list[Exchange]) -> str:
    return "\n".join(str(exchange) for exchange in exchanges)


def wait_for_the_playground(kubeconfig: Path) -> None:
    """The document's reader takes longer to type the next command than the pods to start."""
    wait = ["kubectl", "wait", "--for=condition=Available", "deployment", "--all", "-A", "--timeout=60s"]
    subprocess.run([*wait, f"--kubeconfig={kubeconfig}"], check=True, capture_output=True, timeout=70)
