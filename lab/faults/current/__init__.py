"""Faults that break the current document, by what they alter. Importing a module registers its faults."""

from lab.faults.current import (  # noqa: F401
    access,
    clients,
    evidence,
    gateways,
    keys,
    network,
    partial,
    scopes,
    strict,
    times,
    tokens,
    widened,
)
