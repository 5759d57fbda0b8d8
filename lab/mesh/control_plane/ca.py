"""The mesh's certificate authority: one root in memory, and short-lived certificates that name workloads.

A workload certificate is a SPIFFE X.509-SVID as Istio issues it: an empty subject, and the SPIFFE id as the
only subject alternative name, which is therefore critical (RFC 5280, 4.2.1.6).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.mesh.model.certificates import Certificate
from lab.mesh.model.proxy_config import Identity

BACKDATED = timedelta(minutes=2)
"""Certificates are valid from a little before their issue, for peers whose clock is behind."""

ROOT_LIFETIME = timedelta(days=3650)
WORKLOAD_LIFETIME = timedelta(hours=24)
"""Istio's default."""


class Authority:
    """Issues certificates of one trust domain. `lifetime` is that of workload certificates."""

    def __init__(self, trust_domain: str, lifetime: timedelta = WORKLOAD_LIFETIME) -> None:
        self.lifetime = lifetime
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain)])
        now = datetime.now(UTC)
        self._root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + ROOT_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.root = self._root.public_bytes(Encoding.PEM).decode()
        """The root certificate, PEM: what peers verify against."""

    def issue(self, identity: Identity) -> Certificate:
        """A fresh key and certificate. It asks to be renewed at half of its lifetime, as Istio's do."""
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + self.lifetime)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity.uri)]), critical=True
            )
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            identity=identity,
            chain=certificate.public_bytes(Encoding.PEM).decode() + self.root,
            private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            renew_at=now + self.lifetime / 2,
        )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
