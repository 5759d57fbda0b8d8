"""What Istio's validating webhook refuses of Gateways and VirtualServices: what no proxy could obey."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from lab.kube.store import Object
from lab.mesh import expressions
from lab.mesh.expressions import NotAnExpression
from lab.mesh.networking.destination_admission import DNS_LABEL, HOST, LONGEST_NAME
from lab.mesh.networking.virtual_service import MESH
from lab.mesh.refusals import mapping, refuse_for, sequence, texts
from lab.mesh.routing import LONGEST_BODY

PLAIN = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB", "MONGO", "REDIS", "MYSQL", "TCP")
WITH_TLS = ("HTTPS", "TLS")
HOST_RULE = "it must be a DNS name, optionally with a wildcard as its first part"
REDIRECTS = (301, 302, 303, 307, 308)

LONGEST_PARAMETER = 1024
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
HEADER_NAME = re.compile(r":?[-_A-Za-z0-9]+")

TEXT_MATCHES = ("uri", "scheme", "method", "authority")
NAMED_MATCHES = ("headers", "withoutHeaders", "queryParams")


def validate_gateway(new: Object, old: Object | None) -> Object:  # noqa: ARG001 - an admission hook
    """Refuses a Gateway that no proxy could obey, with every reason at once."""
    refuse_for(_gateway_problems(mapping(new.get("spec"))))
    return new


def validate_virtual_service(new: Object, old: Object | None) -> Object:  # noqa: ARG001 - an admission hook
    """Refuses a VirtualService that no proxy could obey, with every reason at once."""
    refuse_for(_service_problems(mapping(new.get("spec"))))
    return new


def _gateway_problems(spec: dict[str, Any]) -> Iterator[str]:
    servers = [mapping(server) for server in sequence(spec.get("servers"))]
    if not servers:
        yield "gateway must have at least one server"
    names: set[str] = set()
    for server in servers:
        port = mapping(server.get("port"))
        name = port.get("name")
        if isinstance(name, str) and name in names:
            yield f"port names in servers must be unique: duplicate name {name}"
        elif isinstance(name, str):
            names.add(name)
        yield from _port_problems(port)
        yield from _server_tls_problems(server, port)
        if not sequence(server.get("hosts")):
            yield "server config must contain at least one host"
        for host in texts(server.get("hosts")):
            yield from _server_host_problems(host)


def _port_problems(port: dict[str, Any]) -> Iterator[str]:
    number, protocol = port.get("number"), port.get("protocol")
    if isinstance(number, int) and not 1 <= number <= 65535:
        yield f"port number {number} must be in the range 1..65535"
    if isinstance(protocol, str) and protocol.upper() not in (*PLAIN, *WITH_TLS):
        yield f"invalid protocol {protocol!r}, supported protocols are {', '.join((*PLAIN, *WITH_TLS))}"
    if port.get("name") == "":
        yield "port name must be set"


def _server_tls_problems(server: dict[str, Any], port: dict[str, Any]) -> Iterator[str]:
    tls, protocol = mapping(server.get("tls")), port.get("protocol")
    if not isinstance(protocol, str):
        return
    if protocol.upper() in WITH_TLS and not tls:
        yield "server must have TLS settings for HTTPS/TLS protocols"
    if protocol.upper() in PLAIN and tls and not tls.get("httpsRedirect"):
        yield "server cannot have TLS settings for non HTTPS/TLS ports"
    mode = tls.get("mode")
    if mode not in ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"):
        return
    if tls.get("credentialName") or tls.get("credentialNames") or tls.get("tlsCertificates"):
        return
    if not tls.get("serverCertificate"):
        yield f"{mode} TLS requires a server certificate"
    if not tls.get("privateKey"):
        yield f"{mode} TLS requires a private key"
    if mode != "SIMPLE" and not tls.get("caCertificates"):
        yield f"{mode} TLS requires a client CA bundle"


def _server_host_problems(host: str) -> Iterator[str]:
    namespace, slash, name = host.rpartition("/")
    if slash and namespace not in ("*", ".") and not DNS_LABEL.fullmatch(namespace):
        yield f"invalid namespace {namespace!r} in host {host!r}"
    if not _is_host(name):
        yield f"invalid host {host!r}: {HOST_RULE}"


def _service_problems(spec: dict[str, Any]) -> Iterator[str]:
    hosts, gateways = texts(spec.get("hosts")), texts(spec.get("gateways"))
    if not sequence(spec.get("hosts")) and not any("delegate" in each for each in _entries(spec, "http")):
        yield "virtual service must have at least one host"
    for host in hosts:
        if not _is_host(host):
            yield f"invalid host {host!r}: {HOST_RULE}"
    if len(set(hosts)) < len(hosts):
        yield "duplicate hosts in virtual service"
    if "*" in hosts and (MESH in gateways or not gateways):
        yield "wildcard host * is not allowed for virtual services bound to the mesh gateway"
    if not any(sequence(spec.get(kind)) for kind in ("http", "tcp", "tls")):
        yield "http, tcp or tls must be provided in virtual service"
    for route in _entries(spec, "http"):
        yield from _route_problems(route)
    for kind in ("tcp", "tls"):
        for route in _entries(spec, kind):
            if not sequence(route.get("route")):
                yield f"{kind.upper()} route is required"
            yield from _weight_problems(_entries(route, "route"))


def _route_problems(route: dict[str, Any]) -> Iterator[str]:
    targets = [name for name in ("route", "redirect", "directResponse") if route.get(name)]
    if not targets and "delegate" not in route:
        yield "HTTP route, redirect or direct_response is required"
    if len(targets) > 1:
        yield f"HTTP route cannot contain both {targets[0]} and {targets[1]}"
    if route.get("rewrite") and "redirect" in targets:
        yield "HTTP route rule cannot contain both rewrite and redirect"
    for match in _entries(route, "match"):
        yield from _match_problems(match)
    destinations = _entries(route, "route")
    yield from _weight_problems(destinations)
    for each in destinations:
        yield from _header_problems(mapping(each.get("headers")))
    yield from _header_problems(mapping(route.get("headers")))
    yield from _redirect_problems(mapping(route.get("redirect")))
    yield from _answer_problems(mapping(route.get("directResponse")))
    yield from _control_problems("rewrite", mapping(route.get("rewrite")))
    expression = mapping(route.get("rewrite")).get("uriRegexRewrite")
    if isinstance(expression, dict):
        if not expression.get("match") or not expression.get("rewrite"):
            yield "UriRegexRewrite requires both Rewrite and Match fields to be specified"
        else:
            yield from _expression_problems(expression["match"])
    attempts = mapping(route.get("retries")).get("attempts")
    if isinstance(attempts, int) and attempts < 0:
        yield "attempts cannot be negative"


def _answer_problems(answer: dict[str, Any]) -> Iterator[str]:
    status, body = answer.get("status"), mapping(answer.get("body"))
    if isinstance(status, int) and not 200 <= status <= 599:
        yield f"HTTP status {status} is not in the range 200..599"
    encoded = body.get("bytes") or ""
    if isinstance(encoded, str) and not _is_base64(encoded):
        yield "response body is not in base64"
    for text in texts([encoded, body.get("string")]):
        if len(text.encode()) > LONGEST_BODY:
            yield f"response body is supposed to be at most {LONGEST_BODY} bytes"


def _control_problems(what: str, values: dict[str, Any]) -> Iterator[str]:
    """No header can have such characters, and no proxy is given a configuration that would write them."""
    for name, value in values.items():
        if isinstance(value, str) and CONTROL.search(value):
            yield f"{what} {name}: {value!r} has control characters"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _redirect_problems(redirect: dict[str, Any]) -> Iterator[str]:
    yield from _control_problems("redirect", redirect)
    if redirect and not any(
        redirect.get(name) for name in ("uri", "authority", "scheme", "port", "derivePort")
    ):
        yield "redirect must specify URI, authority, scheme, or port"
    port = redirect.get("port")
    if isinstance(port, int) and not 1 <= port <= 65535:
        yield f"port number {port} must be in the range 1..65535"
    code = redirect.get("redirectCode", 301)
    if isinstance(code, int) and code not in REDIRECTS:
        yield f"redirectCode {code} is none of {', '.join(map(str, REDIRECTS))}"
    if redirect.get("scheme", "http") not in ("http", "https"):
        yield "invalid redirect scheme, must be 'http' or 'https'"


def _match_problems(match: dict[str, Any]) -> Iterator[str]:
    found = [mapping(match[name]) for name in TEXT_MATCHES if name in match]
    for field in NAMED_MATCHES:
        for name, value in mapping(match.get(field)).items():
            found.append(mapping(value))
            if field != "queryParams" and not HEADER_NAME.fullmatch(name):
                yield f"header name {name!r} is not a valid header name"
            elif not 0 < len(name) <= LONGEST_PARAMETER:
                yield "name of a query parameter is empty or too long"
    for value in found:
        if "regex" in value:
            yield from _expression_problems(value["regex"])


def _header_problems(headers: dict[str, Any]) -> Iterator[str]:
    for side in ("request", "response"):
        operations = mapping(headers.get(side))
        names = [*mapping(operations.get("set")), *mapping(operations.get("add"))]
        yield from _control_problems("header", mapping(operations.get("set")))
        yield from _control_problems("header", mapping(operations.get("add")))
        for name in (*names, *texts(operations.get("remove"))):
            if not HEADER_NAME.fullmatch(name):
                yield f"header name {name!r} is not a valid header name"


def _weight_problems(destinations: list[dict[str, Any]]) -> Iterator[str]:
    weights = [each.get("weight") or 0 for each in destinations]
    if any(isinstance(weight, int) and weight < 0 for weight in weights):
        yield "weight cannot be negative"
    elif len(weights) > 1 and not any(weights):
        yield "total destination weight = 0"
    for each in destinations:
        host = mapping(each.get("destination")).get("host")
        if isinstance(host, str) and not _is_host(host):
            yield f"destination host is invalid: {host!r}"
        elif host == "*":
            yield "invalid destination host *"


def _expression_problems(text: Any) -> Iterator[str]:
    if not isinstance(text, str):
        return
    if not text:
        yield "regex string match should not be empty"
        return
    try:
        expressions.check(text)
    except NotAnExpression as error:
        yield f"regex {text!r}: {error}; Istio uses RE2 style regex-based match"


def _entries(spec: dict[str, Any], field: str) -> list[dict[str, Any]]:
    return [mapping(each) for each in sequence(spec.get(field))]


def _is_host(host: str) -> bool:
    return len(host) <= LONGEST_NAME and HOST.fullmatch(host) is not None
