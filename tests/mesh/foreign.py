"""Certificates that the mesh has nothing to do with."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def certificate(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Signed by itself; its DNS name is `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built, key


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for a plane, with these files in it.

    Its sockets allow no long path, as TMPDIR may name one; and in pods /tmp is their own.
    """
    with tempfile.TemporaryDirectory(prefix="plane-", dir="/var/tmp") as directory:
        made = Path(directory)
        made.chmod(0o755)
        write(made)
        yield made


def write(folder: Path, name: str = "application") -> tuple[Path, Path]:
    """A certificate and its key as files: `app.crt` and `app.key`."""
    built, key = certificate(name)
    files = folder / "app.crt", folder / "app.key"
    files[0].write_bytes(built.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
