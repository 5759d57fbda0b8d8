"""Workload certificates are what SPIFFE and Istio say they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.mesh.control_plane.ca import Authority
from lab.mesh.model.proxy_config import Identity

pytestmark = pytest.mark.reference_only("how the reference issues certificates")

IDENTITY = Identity("cluster.local", "foo", "httpbin")


def test_a_workload_certificate_names_the_workload_and_nothing_else() -> None:
    issued = Authority("cluster.local").issue(IDENTITY)
    leaf, root = x509.load_pem_x509_certificates(issued.chain.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert len(leaf.subject) == 0
    assert names.critical
    assert [name.value for name in names.value] == ["spiffe://cluster.local/ns/foo/sa/httpbin"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    leaf.verify_directly_issued_by(root)
    key = load_pem_private_key(issued.private_key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == leaf.public_key()


def test_a_certificate_asks_for_its_successor_at_half_of_its_life() -> None:
    before = datetime.now(UTC)
    issued = Authority("cluster.local", timedelta(hours=2)).issue(IDENTITY)
    after = datetime.now(UTC)
    [leaf, _] = x509.load_pem_x509_certificates(issued.chain.encode())
    assert before + timedelta(hours=1) <= issued.renew_at <= after + timedelta(hours=1)
    assert abs(leaf.not_valid_after_utc - issued.renew_at - timedelta(hours=1)) < timedelta(seconds=2)


def test_the_root_is_an_authority_and_no_two_meshes_share_it() -> None:
    first, second = Authority("cluster.local"), Authority("cluster.local")
    root = x509.load_pem_x509_certificate(first.root.encode())
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert first.root != second.root
