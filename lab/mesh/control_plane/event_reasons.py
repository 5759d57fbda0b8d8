"""Reasons of the events in which the mesh tells users what became of their configuration."""

PROXY_REJECTED = "ProxyConfigRejected"
PROXY_ACCEPTED = "ProxyConfigAccepted"
"""Of a proxy that had refused some."""
