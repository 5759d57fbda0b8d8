"""Auto mutual TLS: the X-Forwarded-Client-Cert header is evidence that mutual TLS is used."""

from __future__ import annotations

import itertools

from fixtures.expectations import ClientCertificateHash, NamesBothEnds, NoClientCertificate, Reachability
from fixtures.model.document import CURRENT
from fixtures.model.step import Step
from fixtures.playground.playground import IN_MESH, NAMESPACES, OUTSIDE
from suites.grids import ALL_REACHABLE, others

AUTO_MUTUAL_TLS = CURRENT.section("Auto mutual TLS")

MESH_PAIRS = list(itertools.product(IN_MESH, IN_MESH))
PLAIN_PAIRS = [pair for pair in itertools.product(NAMESPACES, NAMESPACES) if set(pair) & set(OUTSIDE)]

STEPS = [
    Step(
        "auto-mutual-tls",
        section=AUTO_MUTUAL_TLS,
        quote="all traffic between workloads with proxies uses mutual TLS, without you doing anything. [...] "
        "That header's presence is evidence that mutual TLS is used.",
        expect=[
            Reachability(ALL_REACHABLE),
            others(
                """
                        another.foo     another.bar     foo:8001    bar:8001    legacy:8001
                foo     200             200             200         200         200
                legacy  200             200             200         200         200
                """
            ),
            *(NamesBothEnds(client, server, label=f"{client}-{server}") for client, server in MESH_PAIRS),
            *(
                NamesBothEnds(client, server, label=f"{client}-{server}")
                for client, server in (("foo", "another.bar"), ("bar", "another.foo"), ("foo", "bar:8001"))
            ),
            *(
                ClientCertificateHash(
                    client,
                    server,
                    label=f"{client}-{server}",
                    asks="Hash is the SHA-256 of the certificate that the client's proxy holds.",
                )
                for client, server in MESH_PAIRS
            ),
            *(
                NoClientCertificate(
                    client,
                    server,
                    label=f"{client}-{server}",
                    asks="When the server doesn't have a sidecar, the header is not there; nor when the "
                    "client has none.",
                )
                for client, server in PLAIN_PAIRS
            ),
            *(
                NoClientCertificate(
                    "legacy",
                    server,
                    forged=True,
                    test="forged-header-of-a-client-without-proxy-is-removed",
                    label=server,
                    asks="A client without a proxy cannot make up the evidence.",
                )
                for server in IN_MESH
            ),
            *(
                NamesBothEnds(
                    client,
                    server,
                    forged=True,
                    test="forged-header-of-an-application-is-replaced",
                    label=f"{client}-{server}",
                    asks="An application behind a proxy cannot make up the evidence either.",
                )
                for client, server in MESH_PAIRS
            ),
        ],
    ),
    # Mutual: the client, too, wants to know who the other one is.
    Step(
        "somebody-else-expected",
        section=AUTO_MUTUAL_TLS,
        manifests=["current/expect-somebody-else-foo.yaml"],
        quote="all traffic between workloads with proxies uses mutual TLS",
        features=["server-identity"],
        expect=[
            Reachability(
                """
                        foo     bar     legacy
                foo     503     200     200
                bar     503     200     200
                legacy  200     200     200
                """,
                test="server-of-another-identity-is-rejected",
                asks="Mutual TLS: the client checks the server as well, and rejects one whose certificate "
                "names another identity than the expected.",
            ),
        ],
    ),
]
