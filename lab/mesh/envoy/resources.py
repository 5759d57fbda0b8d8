"""The whole configuration of one proxy, built from its part of the model, and its files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from lab.mesh.envoy import bootstrap, clusters, inbound, outbound, secrets
from lab.mesh.envoy.inlining import inlined
from lab.mesh.envoy.proto import Message, typed
from lab.mesh.model.certificates import Certificate
from lab.mesh.model.proxy_config import ProxyConfig, SidecarConfig

SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"
CLUSTER = "envoy.config.cluster.v3.Cluster"
LISTENER = "envoy.config.listener.v3.Listener"


@dataclass(frozen=True)
class Resources:
    """Envoy's messages as plain JSON. Routes and secrets are by name."""

    config: ProxyConfig
    bootstrap: Message
    secrets: dict[str, Message]
    routes: dict[str, Message]
    clusters: list[Message]
    listeners: list[Message]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """File names and contents, in the order in which they have to appear.

        What is referred to comes before what refers to it; the bootstrap is last, because the proxy starts as
        soon as it is there. Envoy wants one resource a file, but for clusters and listeners.
        """
        authorities = {name: secret for name, secret in self.secrets.items() if name == secrets.ROOT}
        for name, secret in self.secrets.items():
            if name not in authorities:
                yield secrets.file_name(name), _discovery(SECRET, [secret])
        yield bootstrap.CLUSTERS_FILE, _discovery(CLUSTER, inlined(self.clusters, {}, authorities))
        listeners = inlined(self.listeners, self.routes, authorities)
        yield bootstrap.LISTENERS_FILE, _discovery(LISTENER, listeners)
        yield bootstrap.FILE, orjson.dumps(self.bootstrap)


def build(config: SidecarConfig, folder: Path, certificate: Certificate, root: str) -> Resources:
    """The resources of one sidecar, which lie in `folder`."""
    return Resources(
        config=config,
        bootstrap=bootstrap.build("sidecar", config.name, config.namespace, folder),
        secrets=secrets.of_workload(certificate, root) | secrets.of_upstreams(config.upstreams),
        routes=outbound.routes(config.upstreams),
        clusters=clusters.build(config, folder),
        listeners=[
            inbound.listener(config.inbound, config.security, folder),
            *outbound.listeners(config.upstreams),
        ],
    )


def version_of(content: bytes) -> str:
    """The version of a file that Envoy reads again when it changes: it tells by it which one it has accepted.

    "" for a file without a version.
    """
    found = _VERSION.match(content)
    return found[1].decode() if found else ""


_VERSION = re.compile(rb'\{"version_info":"(\w+)"')


def _discovery(type_name: str, messages: list[Message]) -> bytes:
    resources = orjson.dumps([typed(type_name, **message) for message in messages])
    version = hashlib.blake2b(resources, digest_size=8).hexdigest().encode()
    return b'{"version_info":"%b","resources":%b}' % (version, resources)
