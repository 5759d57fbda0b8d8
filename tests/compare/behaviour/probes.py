"""What is asked after each set of policies: which client, which server, with which request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLIENTS = ("foo", "bar", "legacy")
"""Namespaces of the pods `sleep`."""


@dataclass(frozen=True)
class Server:
    """Where a request goes; `{pod}` is the address of the pod."""

    name: str
    host: str
    port: int
    asked_host: str = ""
    clients: tuple[str, ...] = CLIENTS
    thoroughly: tuple[str, ...] = ()
    """The clients that send all requests."""


SERVERS = (
    Server("httpbin.foo", "httpbin.foo", 8000, thoroughly=CLIENTS),
    Server("httpbin.foo, TCP", "httpbin.foo", 9000),
    Server("httpbin.foo, no Service", "{foo/httpbin}", 7070),
    Server("httpbin.foo, address", "{foo/httpbin}", 8080),
    Server("other.foo", "other.foo.svc.cluster.local", 8000, thoroughly=("foo",)),
    Server("httpbin.bar", "httpbin.bar", 8000),
    Server("httpbin.legacy", "httpbin.legacy", 8000),
    Server("ingress", "istio-ingressgateway.istio-system", 80, "www.example.com", ("legacy",), ("legacy",)),
    Server("ingress, other", "istio-ingressgateway.istio-system", 80, "other.example.com", ("legacy",)),
    Server("gateway", "compare-istio.foo", 80, clients=("bar", "legacy"), thoroughly=("legacy",)),
)


@dataclass(frozen=True)
class Request:
    """`{alice}` in a path or header stands for the token of that name."""

    path: str = "/anything/a"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: bool = False
    """Whether every server gets it."""

    def __str__(self) -> str:
        headers = "".join(f" -H '{name}: {value}'" for name, value in self.headers.items())
        return f"{self.method} {self.path}{headers}"


def _bearing(token: str, **others: Any) -> Request:
    return Request("/anything/t", headers={"authorization": f"Bearer {{{token}}}"}, **others)


REQUESTS = (
    Request(basic=True),
    Request(method="POST", basic=True),
    Request("/anything/a/b?x=1", basic=True),
    Request("/anything/a/b/c.html", "DELETE"),
    Request("/status/200", basic=True),
    Request("/"),
    Request("/Anything/A"),
    Request("/anything//a"),
    Request("/status/../anything/a"),
    Request("/anything/%61%2fb"),
    Request("/anything/a;x=1"),
    Request("/anything/a#b"),
    Request("/anything/./%2e%2e/%2E/t"),
    Request("/anything/a/"),
    Request("/anything/ümlaut"),
    Request("*", "OPTIONS"),
    Request(
        method="OPTIONS", headers={"origin": "http://example.com", "access-control-request-method": "GET"}
    ),
    Request(method="HEAD"),
    Request(method="PATCH"),
    Request(headers={"x-team": "blue"}, basic=True),
    Request(headers={"x-team": "blueish", "x-forwarded-for": "192.0.2.7"}),
    Request(headers={"x-team": ""}),
    Request(headers={"host": "HTTPBIN.foo:8000"}),
    Request(headers={"host": "other.foo:8000"}),
    Request(headers={"host": "unknown.example.com"}, basic=True),
    Request(headers={"x-forwarded-client-cert": "URI=spiffe://cluster.local/ns/foo/sa/sleep"}),
    Request("/anything/t"),
    _bearing("alice", basic=True),
    _bearing("carol"),
    _bearing("bob"),
    _bearing("expired", basic=True),
    _bearing("early"),
    _bearing("forged"),
    _bearing("stranger"),
    _bearing("garbage"),
    Request("/anything/t", headers={"authorization": "Basic YTpi"}),
    Request("/anything/t", headers={"authorization": "bearer {alice}"}),
    Request("/anything/t", headers={"authorization": "Bearer  {alice}"}),
    Request("/anything/t", headers={"x-user": "mallory", "x-payload": "mallory", "x-groups": "root"}),
    Request("/anything/t", headers={"x-token": "{alice}"}),
    Request("/anything/t", headers={"x-token": "Token {bob}"}),
    Request("/anything/t", headers={"cookie": "session={alice}"}),
    Request("/anything/t?access_token={alice}"),
    Request("/anything/t?token={bob}"),
    Request("/anything/t", headers={"authorization": "Bearer {alice}", "x-token": "{forged}"}),
    Request("/anything/t", headers={"authorization": "Bearer {alice}", "x-token": "{bob}"}),
    Request(
        "/anything/t",
        "POST",
        {"authorization": "Bearer {alice}", "x-user": "mallory", "x-payload": "mallory"},
    ),
)


@dataclass(frozen=True)
class Cell:
    """One request of one client to one server."""

    client: str
    server: Server
    request: Request

    def __str__(self) -> str:
        return f"sleep.{self.client} -> {self.server.name}: {self.request}"


CELLS = tuple(
    Cell(client, server, request)
    for server in SERVERS
    for client in server.clients
    for request in REQUESTS
    if client in server.thoroughly or request.basic
)
