"""Somebody with kubectl types the document's commands, and reads what the document prints."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labs import running_lab
from tests.transcripts import transcript
from tests.transcripts.transcript import Exchange

CURRENT = transcript.read(Path(__file__).with_name("current.md"))

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with running_lab() as path:
        yield path


@needs_kubectl
@pytest.mark.parametrize("section", CURRENT)
def test_the_current_document_typed_as_printed(section: str, kubeconfig: Path, tmp_path: Path) -> None:
    """The sections build upon one another, as they do for a reader."""
    printed = []
    for exchange in CURRENT[section]:
        printed.append(transcript.play(exchange, kubeconfig, tmp_path))
        if " apply -f manifests/playground/sleep.yaml -n legacy" in exchange.command:
            wait_for_the_playground(kubeconfig)
    assert as_text(printed) == as_text(CURRENT[section])


def as_text(exchanges: list[Exchange]) -> str:
    return "\n".join(str(exchange) for exchange in exchanges)


def wait_for_the_playground(kubeconfig: Path) -> None:
    """The document's reader takes longer to type the next command than the pods to start."""
    wait = ["kubectl", "wait", "--for=condition=Available", "deployment", "--all", "-A", "--timeout=60s"]
    subprocess.run([*wait, f"--kubeconfig={kubeconfig}"], check=True, capture_output=True, timeout=70)
