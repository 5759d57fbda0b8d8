"""Faults that break the document of Istio 1.0. Importing a module registers its faults."""

from lab.faults.istio_1_0 import (  # noqa: F401
    clients,
    policies,
    scopes,
    setup,
    tokens,
)
