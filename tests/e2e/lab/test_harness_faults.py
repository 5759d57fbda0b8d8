"""Faults of the harness, in the lab that they are of."""

from __future__ import annotations

from lab.faults import known
from lab.faults.registry import HARNESS
from tests.labs import running_lab


def test_a_lab_starts_with_every_fault_of_the_harness() -> None:
    """They break the run of a suite, and never the start."""
    names = [fault.name for fault in known() if fault.section == HARNESS]
    assert "api-server-gone" in names
    with running_lab(*(word for name in names for word in ("--fault", name))) as kubeconfig:
        assert kubeconfig.exists()
