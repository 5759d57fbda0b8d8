"""Certificates and keys as Envoy secrets, each in a file of its own so that it can be replaced alone."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from lab.mesh.envoy.proto import Message, file_source
from lab.mesh.model.certificates import Certificate
from lab.mesh.model.proxy_config import ClientTls, TlsOrigination, Upstream

WORKLOAD = "default"
ROOT = "ROOTCA"
"""The names that Istio uses."""

LONGEST_NAME = 200
"""Bytes. A file's name has at most 255, and there is something before and behind a secret's name."""

SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def reference(name: str, folder: Path) -> Message:
    """How a TLS context names a secret."""
    return {"name": name, "sds_config": file_source(str(folder / file_name(name)))}


def file_name(secret: str) -> str:
    return f"sds-{secret}.json"


def certificate_name(tls: ClientTls) -> str:
    return _safe(f"file-cert:{tls.client_certificate}~{tls.private_key}")


def authorities_name(tls: ClientTls) -> str:
    return _safe(f"file-root:{tls.ca_certificates or 'system'}")


def _safe(name: str) -> str:
    """As the name of a file; one that is too long ends in its digest."""
    safe = quote(name, safe=":~")
    if len(safe) <= LONGEST_NAME:
        return safe
    digest = sha256(safe.encode()).hexdigest()[:16]
    return f"{safe[: LONGEST_NAME - 17]}~{digest}"


def of_workload(certificate: Certificate, root: str) -> dict[str, Message]:
    """The workload's own certificate and the mesh's root."""
    return {
        WORKLOAD: {
            "name": WORKLOAD,
            "tls_certificate": {
                "certificate_chain": {"inline_string": certificate.chain},
                "private_key": {"inline_string": certificate.private_key},
            },
        },
        ROOT: {"name": ROOT, "validation_context": {"trusted_ca": {"inline_string": root}}},
    }


def of_upstreams(upstreams: tuple[Upstream, ...]) -> dict[str, Message]:
    """Files that rules name (SIMPLE, MUTUAL). As secrets, a missing one breaks only its own clusters."""
    secrets: dict[str, Message] = {}
    for tls in dict.fromkeys(upstream.tls for upstream in upstreams):
        if tls.origination is TlsOrigination.MUTUAL:
            name = certificate_name(tls)
            secrets[name] = {
                "name": name,
                "tls_certificate": {
                    "certificate_chain": {"filename": tls.client_certificate},
                    "private_key": {"filename": tls.private_key},
                },
            }
        if tls.origination in (TlsOrigination.SIMPLE, TlsOrigination.MUTUAL) and tls.verify:
            name = authorities_name(tls)
            authorities = {"filename": tls.ca_certificates or SYSTEM_CERTIFICATES}
            secrets[name] = {"name": name, "validation_context": {"trusted_ca": authorities}}
    return secrets
