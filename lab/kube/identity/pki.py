"""Keys of one cluster: its certificate authority, the API server's certificate, the administrator's token
and the key that signs ServiceAccount tokens. All are made anew for each run and live in memory only.

The certificates carry what strict X.509 verification (Python 3.13 turns it on) wants to see: constraints,
key usages, subject and authority key identifiers, and the server's names and addresses as SANs. The CA's
name is unique, so that a stale kubeconfig fails with "unknown authority", not with a signature error.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Clocks of a client and of the lab are the same one; the day before is for suites that move their own clock.
BACKDATED = timedelta(days=1)
LIFETIME = timedelta(days=30)

SERVICE_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Credentials:
    """Secrets of one cluster. Certificates are PEM text."""

    ca_certificate: str
    server_certificate: str
    server_key: str = field(repr=False)
    admin_token: str = field(repr=False)
    #: Elliptic (P-256), not RSA: it costs 0.1 ms instead of up to 60, and JWT libraries read ES256 as well.
    service_account_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def new(cls, hosts: Iterable[str], ips: Iterable[str]) -> Credentials:
        """Fresh credentials of a server reached under `hosts`, the service's own names and `ips`."""
        ca_key, server_key = _key(), _key()
        ca_name = _name(f"kubernetes-ca-{secrets.token_hex(8)}")
        ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
        ca = (
            _certificate(ca_name, ca_name, ca_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage("digital_signature", "key_cert_sign", "crl_sign"), critical=True)
            .add_extension(ca_id, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        names = [x509.DNSName(host) for host in dict.fromkeys([*SERVICE_NAMES, *hosts])]
        addresses = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in dict.fromkeys(ips)]
        server_id = x509.SubjectKeyIdentifier.from_public_key(server_key.public_key())
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
        server = (
            _certificate(_name("kube-apiserver"), ca_name, server_key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
            .add_extension(server_id, critical=False)
            .add_extension(authority_id, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        return cls(
            ca_certificate=_pem(ca),
            server_certificate=_pem(server),
            server_key=server_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            admin_token=secrets.token_urlsafe(32),
            service_account_key=_key(),
        )

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer with the server's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # OpenSSL reads certificates from files only; this one never touches a disk.
        descriptor = os.memfd_create("server-certificate")
        try:
            os.write(descriptor, (self.server_certificate + self.server_key).encode())
            context.load_cert_chain(Path(f"/proc/self/fd/{descriptor}"))
        finally:
            os.close(descriptor)
        return context


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in _USAGES})


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
