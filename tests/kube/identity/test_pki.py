"""Certificates that clients with strict verification accept, and a server that offers them."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from cryptography import x509

from lab.kube.identity.pki import Credentials


async def handshake(credentials: Credentials, trusted: str, server_hostname: str) -> str | None:
    """TLS version of a connection to a server with these credentials."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(
        say_nothing, "127.0.0.1", 0, ssl=credentials.server_context(), ssl_handshake_timeout=5
    )
    context = ssl.create_default_context(cadata=trusted)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=server_hostname
        )
        version = writer.get_extra_info("ssl_object").version()
        writer.close()
        await writer.wait_closed()
        return version


@pytest.mark.parametrize("name", ["127.0.0.1", "10.244.0.1", "kubernetes.default.svc", "lab.test"])
async def test_a_strict_client_accepts_the_server_under_each_of_its_names(name):
    credentials = Credentials.new(["lab.test"], ["127.0.0.1", "10.244.0.1"])
    assert await handshake(credentials, credentials.ca_certificate, name) == "TLSv1.3"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_another_run_s_authority_is_not_trusted():
    mine, other = (Credentials.new([], ["127.0.0.1"]) for _ in range(2))
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        await handshake(mine, other.ca_certificate, "127.0.0.1")


async def test_a_name_that_was_not_asked_for_is_refused():
    credentials = Credentials.new([], ["127.0.0.1"])
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        await handshake(credentials, credentials.ca_certificate, "elsewhere.test")


def test_every_run_has_an_authority_of_its_own_name():
    subjects = {
        x509.load_pem_x509_certificate(Credentials.new([], []).ca_certificate.encode()).subject
        for _ in range(3)
    }
    assert len(subjects) == 3


def test_secrets_stay_out_of_the_representation():
    credentials = Credentials.new([], [])
    assert credentials.admin_token not in repr(credentials)
    assert "PRIVATE KEY" not in repr(credentials)
