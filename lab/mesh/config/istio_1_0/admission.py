"""Admission of Policy and MeshPolicy, as Istio 1.0 does it.

What a schema can say has been refused by the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.kube.client import Object
from lab.mesh.config.istio_1_0 import spelling
from lab.mesh.config.istio_1_0.authentication_policy import DEFAULT
from lab.mesh.config.key_source import uri_problems
from lab.mesh.config.webhook import HEADER_NAME, mapping, refuse_for, sequence

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def review_policy(new: Object) -> list[str]:
    """Rejects a Policy that would be ambiguous with that of its namespace, or can never take effect."""
    name, spec = new["metadata"].get("name"), _spec(new)
    refuse_for((*_scope_problems(name, spec), *_method_problems(spec)))
    return []


def review_mesh_policy(new: Object) -> list[str]:
    """Rejects a second MeshPolicy, and one that is not for the whole mesh."""
    name, spec = new["metadata"].get("name"), _spec(new)
    refuse_for((*_mesh_problems(name, spec), *_method_problems(spec)))
    return []


def _spec(new: Object) -> Object:
    refuse_for(f"the field {name} is given in both spellings" for name in spelling.doubled(new.get("spec")))
    return spelling.canonical(mapping(new.get("spec")))


def _scope_problems(name: str | None, spec: Object) -> Iterator[str]:
    targets = sequence(spec.get("targets"))
    if not targets and name != DEFAULT:
        yield f'authentication policy with no target rules must be named "{DEFAULT}", found "{name}"'
    if targets and name == DEFAULT:
        yield f'authentication policy with name "{DEFAULT}" must not have any target rules'
    for target in map(mapping, targets):
        yield from _target_problems(target)


def _mesh_problems(name: str | None, spec: Object) -> Iterator[str]:
    if name != DEFAULT:
        yield f'cluster-scoped authentication policy name must be "{DEFAULT}", found "{name}"'
    if sequence(spec.get("targets")):
        yield "cluster-scoped authentication policy must not have targets"


def _target_problems(target: Object) -> Iterator[str]:
    name = target.get("name")
    if isinstance(name, str) and not DNS_LABEL.fullmatch(name):
        yield f'target name "{name}" must be a valid label'
    for port in map(mapping, sequence(target.get("ports"))):
        number, port_name = port.get("number"), port.get("name")
        if (number is None) == (port_name is None):
            yield "a port selector must have a number or a name"
        if isinstance(number, int) and not 1 <= number <= 65535:
            yield f"port number {number} must be in the range 1..65535"
        if isinstance(port_name, str) and not DNS_LABEL.fullmatch(port_name):
            yield f'port name "{port_name}" must be a valid label'


def _method_problems(spec: Object) -> Iterator[str]:
    peers = [mapping(method) for method in sequence(spec.get("peers"))]
    origins = [mapping(method) for method in sequence(spec.get("origins"))]
    for peer in peers:
        if len(peer.keys() & {"mtls", "jwt"}) != 1:
            # `kubectl apply` leaves out whatever is null.
            yield "a peer authentication method must be either mtls or jwt (not null: write mtls: {})"
    for origin in origins:
        if "jwt" not in origin:
            yield "an origin authentication method must be jwt"
    issuers: set[str] = set()
    for jwt in (mapping(method["jwt"]) for method in (*peers, *origins) if "jwt" in method):
        issuer = jwt.get("issuer")
        if isinstance(issuer, str) and issuer in issuers:
            yield f'jwt with issuer "{issuer}" already defined'
        elif isinstance(issuer, str):
            issuers.add(issuer)
        yield from _jwt_problems(jwt)


def _jwt_problems(jwt: Object) -> Iterator[str]:
    if not jwt.get("issuer"):
        yield "issuer must be set"
    if "" in sequence(jwt.get("audiences")):
        yield "audience must be non-empty string"
    if isinstance(jwt.get("jwksUri"), str) and jwt["jwksUri"]:
        yield from _uri_problems(jwt["jwksUri"])
    for header in sequence(jwt.get("jwtHeaders")):
        if not header:
            yield "location header must be non-empty string"
        elif not HEADER_NAME.fullmatch(header):
            yield f"location header {header!r} is not the name of a header"
    if "" in sequence(jwt.get("jwtParams")):
        yield "location query must be non-empty string"


def _uri_problems(uri: str) -> Iterator[str]:
    if not uri.startswith(("http://", "https://")):
        yield f'URI scheme of {uri!r} is not supported: it must be "http" or "https"'
    else:
        yield from uri_problems(uri)
