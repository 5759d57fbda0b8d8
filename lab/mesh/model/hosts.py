"""Host names: what a short name means, and which of several patterns matches a host best."""

from __future__ import annotations

from collections.abc import Iterable

from lab.kube.client import CLUSTER_DOMAIN


def service_host(name: str, namespace: str) -> str:
    """The fully qualified name of a Service."""
    return f"{name}.{namespace}.svc.{CLUSTER_DOMAIN}"


def fully_qualified(host: str, namespace: str) -> str:
    """A host as written in a rule of `namespace`. Only a name without any dot is completed.

    So `httpbin.foo` is not understood as a service of namespace foo; that is Istio's rule as well.
    """
    if "." in host or host == "*":
        return host
    return service_host(host, namespace)


def matches(pattern: str, host: str) -> bool:
    """Whether a host, or a pattern with a leading `*`, covers this (literal) host."""
    if pattern.startswith("*"):
        return len(host) >= len(pattern) - 1 and host.endswith(pattern[1:])
    return pattern == host


def most_specific(patterns: Iterable[str], host: str) -> str | None:
    """The exact pattern, else the longest wildcard that covers the host, else None."""
    fitting = [pattern for pattern in patterns if matches(pattern, host)]
    return max(fitting, key=lambda pattern: (not pattern.startswith("*"), len(pattern)), default=None)


def aliases(name: str, namespace: str, client_namespace: str) -> tuple[str, ...]:
    """The other names by which a client may call a service: `httpbin.foo`, and `httpbin` at home."""
    short = f"{name}.{namespace}"
    others = (short, f"{short}.svc", f"{short}.svc.{CLUSTER_DOMAIN}.")
    return (name, *others) if namespace == client_namespace else others
