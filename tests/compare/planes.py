"""What is compared: a lab with real Istio, and one with the reference mesh."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.labs import running_lab
from tests.planes.istio_lab import NotThere, bare_with_istio, found_bundle

__all__ = ["NotThere", "istio", "reference"]


@contextlib.contextmanager
def reference() -> Iterator[Path]:
    """Gives the kubeconfig of a lab with the reference mesh."""
    with running_lab() as kubeconfig:
        yield kubeconfig


@contextlib.contextmanager
def istio() -> Iterator[Path]:
    """Gives the kubeconfig of a lab with Istio, installed as docs/lab.md shows. Raises NotThere."""
    with bare_with_istio(found_bundle()) as kubeconfig:
        yield kubeconfig
