"""Sections of the document of Istio 1.0."""

from __future__ import annotations

DOCUMENT = "istio-1.0"

GLOBALLY = "Globally enabling Istio mutual TLS"
FROM_LEGACY = "Request from non-Istio services to Istio services"
TO_LEGACY = "Request from Istio services to non-Istio services"
API_SERVER = "Request from Istio services to Kubernetes API server"
NAMESPACE_WIDE = "Namespace-wide policy"
SERVICE_SPECIFIC = "Service-specific policy"
WITH_MUTUAL_TLS = "End-user authentication with mutual TLS"
PRECEDENCE = "Policy precedence"
END_USER = "End-user authentication"
PER_NAMESPACE_OR_SERVICE = "Enable mutual TLS per namespace or service"
SETUP = "Setup"
