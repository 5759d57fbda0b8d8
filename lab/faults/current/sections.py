"""Sections of the current document."""

from __future__ import annotations

REQUIRED = "Require a valid token"
PER_PATH = "Require valid tokens per-path"
END_USER = "End-user authentication"
NAMESPACE_WIDE = "Namespace-wide policy"
PER_WORKLOAD = "Enable mutual TLS per workload"
PRECEDENCE = "Policy precedence"
STRICT_MODE = "Globally enabling Istio mutual TLS in STRICT mode"
