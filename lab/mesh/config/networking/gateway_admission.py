"""Validation of Gateways beyond their schema, in the words of Istio's webhook."""

from __future__ import annotations

from collections.abc import Iterator

from lab.golang.printing import quoted
from lab.kube.client import Object
from lab.mesh.config.validation import address_problems, host_problems, is_address, is_label, port_problems
from lab.mesh.config.webhook import mapping, refuse_for, sequence

HTTP = ("HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB")
WITH_TLS = ("HTTPS", "TLS")
PROTOCOLS = (*HTTP, *WITH_TLS, "TCP", "UDP", "MONGO", "REDIS", "MYSQL")
SUPPORTED = "HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP"
"""The list in Istio's message; it accepts some more."""
SOCKET = "unix://"
PASSED_THROUGH = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
TERMINATED = {"SIMPLE": "SIMPLE TLS", "MUTUAL": "MUTUAL TLS", "OPTIONAL_MUTUAL": "MUTUAL TLS"}
"""The TLS modes that need a certificate, and their names in messages."""
OF_THE_MESH = {
    "serverCertificate": "server certificate",
    "privateKey": "private key",
    "caCertificates": "CA bundle",
    "tlsCertificates": "tlsCertificates",
    "credentialName": "credentialName",
    "credentialNames": "credentialNames",
}
"""Fields that are not allowed with ISTIO_MUTUAL."""


def review_gateway(new: Object) -> list[str]:
    """Rejects a Gateway that no proxy could apply, with all reasons."""
    refuse_for(_gateway_problems(mapping(new.get("spec")), new["metadata"]["name"]))
    return []


def _gateway_problems(spec: Object, name: str) -> Iterator[str]:
    if not is_label(name):
        yield f"invalid gateway name: {quoted(name)}"
    servers = sequence(spec.get("servers"))
    if not servers:
        yield "gateway must have at least one server"
    names: set[str] = set()
    for server in servers:
        yield from _server_problems(server)
        port = server["port"].get("name") or ""
        if port in names:
            yield f"port names in servers must be unique: duplicate name {port}"
        names.add(port)


def _server_problems(server: Object) -> Iterator[str]:
    hosts, bind, tls = sequence(server.get("hosts")), server.get("bind") or "", server.get("tls")
    if not hosts:
        yield "server config must contain at least one host"
    for host in hosts:
        yield from _host_problems(host)
    wrong_port = list(_port_problems(server["port"], bind))
    yield from wrong_port
    yield from _bind_problems(server["port"], bind)
    if tls is not None:
        yield from _tls_problems(tls)
    if not wrong_port:
        yield from _protocol_problems(server["port"]["protocol"].upper(), tls)


def _host_problems(host: str) -> Iterator[str]:
    namespace, slash, name = host.partition("/")
    if not slash:
        yield from _name_problems(host)
        return
    if not namespace or not name:
        yield "config namespace and dnsName in host entry cannot be empty"
    if namespace not in ("*", ".") and not is_label(namespace):
        yield f"invalid namespace value {quoted(namespace)} in gateway"
    yield from _name_problems(name)


def _name_problems(host: str) -> Iterator[str]:
    if host != "*" and "." not in host:
        yield "short names (non FQDN) are not allowed"
    if not is_address(host):
        yield from host_problems(host)
    if "*" in host and host != "*" and not host.startswith("*."):
        yield f"partial wildcard {quoted(host)} not allowed"


def _port_problems(port: Object, bind: str) -> Iterator[str]:
    number, protocol = port.get("number") or 0, port.get("protocol") or ""
    if protocol.upper() not in PROTOCOLS:
        yield f"invalid protocol {quoted(protocol)}, supported protocols are {SUPPORTED}"
    if number or not bind.startswith(SOCKET):
        yield from port_problems(number)
    if port.get("targetPort"):
        yield "targetPort has no impact on Gateways"
    if not port.get("name"):
        yield f"port name must be set: {_printed(port)}"


def _printed(port: Object) -> str:
    """As protobuf prints it."""
    number, name, target = port.get("number"), port.get("name"), port.get("targetPort")
    parts = (
        f"number:{number}" if number else "",
        f"protocol:{quoted(port['protocol'])}" if port.get("protocol") else "",
        f"name:{quoted(name)}" if name else "",
        f"target_port:{target}" if target else "",
    )
    return " ".join(filter(None, parts))


def _bind_problems(port: Object, bind: str) -> Iterator[str]:
    if not bind.startswith(SOCKET):
        yield from address_problems(bind) if bind else ()
        return
    path = bind.removeprefix(SOCKET)
    if not path:
        yield "unix address must not be empty"
    elif not path.startswith("@") and (not path.startswith("/") or path.endswith("/")):
        yield f"{path} is not an absolute path to a file"
    if port.get("number"):
        yield f"port number must be 0 for unix domain socket: {_printed(port)}"


def _protocol_problems(protocol: str, tls: Object | None) -> Iterator[str]:
    if protocol in WITH_TLS:
        if tls is None:
            yield "server must have TLS settings for HTTPS/TLS protocols"
    elif tls is not None and protocol not in HTTP:
        yield "server cannot have TLS settings for non HTTPS/TLS ports"
    elif tls is not None:
        files = ("caCertificates", "privateKey", "serverCertificate")
        if _mode(tls) not in PASSED_THROUGH or any(tls.get(name) for name in files):
            yield "server cannot have TLS settings for plain text HTTP ports"


def _mode(tls: Object) -> str:
    return tls.get("mode") or "PASSTHROUGH"


def _tls_problems(tls: Object) -> Iterator[str]:
    mode = _mode(tls)
    if mode == "ISTIO_MUTUAL":
        for name, words in OF_THE_MESH.items():
            if tls.get(name):
                yield f"ISTIO_MUTUAL TLS cannot have associated {words}"
        return
    secrets = bool(tls.get("credentialName")), bool(tls.get("credentialNames"))
    files = bool(tls.get("serverCertificate") and tls.get("privateKey")), bool(tls.get("tlsCertificates"))
    if sum((*secrets, *files)) > 1:
        yield (
            "only one of credential_name, credential_names, server_certificate/private_key, "
            "tls_certificates should be specified"
        )
    if mode in TERMINATED:
        if any(secrets):
            return
        yield from _certificate_problems(tls, mode)
    if tls.get("caCrl"):
        if tls.get("credentialName"):
            yield "CRL is not supported with credentialName. CRL has to be specified in the credential"
        if mode == "SIMPLE":
            yield "CRL is not supported with SIMPLE TLS"


def _certificate_problems(tls: Object, mode: str) -> Iterator[str]:
    words = TERMINATED[mode]
    if mode != "SIMPLE" and not tls.get("caCertificates"):
        yield f"{words} requires a client CA bundle"
    for pair in sequence(tls.get("tlsCertificates")) or [tls]:
        if not pair.get("serverCertificate"):
            yield f"{words} requires a server certificate"
        if not pair.get("privateKey"):
            yield f"{words} requires a private key"
