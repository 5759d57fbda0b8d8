"""Auto mutual TLS: the X-Forwarded-Client-Cert header is evidence that mutual TLS is used."""

from __future__ import annotations

import itertools

import pytest

from fixtures import xfcc
from fixtures.certificates import workload_certificate_hash
from fixtures.features import XFCC
from fixtures.header import settles_to_header
from fixtures.playground import IN_MESH, NAMESPACES, OUTSIDE, Playground
from fixtures.policies import Policies
from fixtures.profile import Profile
from fixtures.step import Step
from fixtures.xfcc import ClientCertificate
from suites.current.steps import AUTO_MUTUAL_TLS, SOMEBODY_ELSE

pytestmark = pytest.mark.section("Auto mutual TLS")

xfcc_header = pytest.mark.feature(XFCC)

FORGED = {xfcc.NAME: 'By=spiffe://forged/by;Hash=00;Subject="";URI=spiffe://forged/uri'}

MESH_PAIRS = list(itertools.product(IN_MESH, IN_MESH))
PLAIN_PAIRS = [pair for pair in itertools.product(NAMESPACES, NAMESPACES) if set(pair) & set(OUTSIDE)]


def certificate(profile: Profile, client: str, server: str, sha_256: str | None = None) -> ClientCertificate:
    """The document's header: By is the server, URI the client, both named by their service accounts."""
    identity = f"spiffe://{profile.trust_domain}/ns/{{}}/sa/{{}}"
    return ClientCertificate(
        by=identity.format(server, "httpbin"), hash=sha_256, subject="", uri=identity.format(client, "sleep")
    )


@xfcc_header
@pytest.mark.parametrize(("client", "server"), MESH_PAIRS)
def test_header_names_both_ends(playground: Playground, profile: Profile, client: str, server: str) -> None:
    """All traffic between workloads with proxies uses mutual TLS, without you doing anything."""
    playground.enters(AUTO_MUTUAL_TLS)
    settles_to_header(playground, client, server, certificate(profile, client, server))


@xfcc_header
@pytest.mark.parametrize(("client", "server"), MESH_PAIRS)
def test_hash_is_of_the_clients_certificate(
    playground: Playground, profile: Profile, client: str, server: str
) -> None:
    """Hash is the SHA-256 of the certificate that the client's proxy holds."""
    if profile.config_dump is None:
        pytest.skip(f"the profile {profile.name} does not say how to read a certificate (configDump)")
    playground.enters(AUTO_MUTUAL_TLS)
    sha_256 = workload_certificate_hash(playground, profile.config_dump, client, "sleep")
    settles_to_header(playground, client, server, certificate(profile, client, server, sha_256))


@xfcc_header
@pytest.mark.parametrize(("client", "server"), PLAIN_PAIRS)
def test_header_is_absent_in_plain_text(playground: Playground, client: str, server: str) -> None:
    """When the server doesn't have a sidecar, the header is not there; nor when the client has none."""
    playground.enters(AUTO_MUTUAL_TLS)
    settles_to_header(playground, client, server, None)


@xfcc_header
@pytest.mark.parametrize("server", IN_MESH)
def test_forged_header_of_a_client_without_proxy_is_removed(playground: Playground, server: str) -> None:
    """A client without a proxy cannot make up the evidence."""
    playground.enters(AUTO_MUTUAL_TLS)
    settles_to_header(playground, "legacy", server, None, sent=FORGED)


@xfcc_header
@pytest.mark.parametrize(("client", "server"), MESH_PAIRS)
def test_forged_header_of_an_application_is_replaced(
    playground: Playground, profile: Profile, client: str, server: str
) -> None:
    """An application behind a proxy cannot make up the evidence either."""
    playground.enters(AUTO_MUTUAL_TLS)
    settles_to_header(playground, client, server, certificate(profile, client, server), sent=FORGED)


@pytest.mark.feature("server-identity")
@pytest.mark.parametrize("step", [SOMEBODY_ELSE], ids=str)
def test_server_of_another_identity_is_rejected(
    step: Step, policies: Policies, playground: Playground
) -> None:
    """Mutual TLS: the client checks the server as well."""
    policies.enforce(step)
    playground.settles_to(step.grid)
