"""The part of the model that says what a gateway does with requests: hosts, matches, and actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_BODY = 1024 * 1024
"""The maximum size of a direct response, in bytes."""


class TextMatching(StrEnum):
    """How a string is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SEGMENTS = "segments"
    """Of a path only: it begins with the text, and goes on with a slash or not at all."""
    REGEX = "regex"
    """RE2, against the whole of it."""
    PRESENT = "present"
    """It is there, whatever it says."""


@dataclass(frozen=True)
class TextMatch:
    """A condition on a text of the request."""

    matching: TextMatching
    text: str = ""
    ignore_case: bool = False


@dataclass(frozen=True)
class NamedMatch:
    """What a header, or a parameter of the query, must be; `negated`: what it must not be."""

    name: str
    value: TextMatch
    negated: bool = False


@dataclass(frozen=True)
class ClaimMatch:
    """What a claim of a verified token must be, or one element of it if it is a list; `negated`: must not be.

    A claim that is no text, and one that is not there because there is no token, is nothing.
    """

    path: tuple[str, ...]
    """The name of the claim, then those within it."""
    value: TextMatch
    negated: bool = False


@dataclass(frozen=True)
class RequestMatch:
    """All that a request must fulfil; nothing: every request does."""

    path: TextMatch | None = None
    """Of the path without the query."""
    method: TextMatch | None = None
    scheme: TextMatch | None = None
    authority: TextMatch | None = None
    headers: tuple[NamedMatch, ...] = ()
    query: tuple[NamedMatch, ...] = ()
    claims: tuple[ClaimMatch, ...] = ()


@dataclass(frozen=True)
class HeaderChanges:
    """Pairs of name and value to set (in place of what is there) or to add, and names to remove."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Destination:
    """One of several destinations: an upstream of the same proxy, by its key."""

    host: str
    port: int
    subset: str = ""
    weight: int = 1
    request_headers: HeaderChanges = field(default_factory=HeaderChanges)
    response_headers: HeaderChanges = field(default_factory=HeaderChanges)


@dataclass(frozen=True)
class PathChange:
    """`prefix`: in the place of the prefix that matched; `full`: of the whole path (the query stays);
    `regex` and `substitution`: of each part that the expression matches. At most one of the three."""

    prefix: str | None = None
    full: str | None = None
    regex: str = ""
    substitution: str = ""


@dataclass(frozen=True)
class Forward:
    """Sends the request to one of the destinations, by weight."""

    destinations: tuple[Destination, ...]
    path: PathChange = field(default_factory=PathChange)
    host: str = ""
    """In the place of the request's authority; empty: it stays."""
    timeout_s: float = 0.0
    """Until the whole response is there; 0: without limit."""
    retries: int = 2
    unknown_status: int = 503
    """The answer where the destination does not exist: 503, 500 or 404."""


@dataclass(frozen=True)
class Redirect:
    """Sends the client elsewhere; what is empty stays as the client said it."""

    status: int = 301
    scheme: str = ""
    host: str = ""
    port: int | None = None
    path: PathChange = field(default_factory=PathChange)


@dataclass(frozen=True)
class Respond:
    """A direct response."""

    status: int
    body: str = ""


@dataclass(frozen=True)
class Route:
    """Matches, and what to do with the requests."""

    action: Forward | Redirect | Respond
    match: RequestMatch = field(default_factory=RequestMatch)
    request_headers: HeaderChanges = field(default_factory=HeaderChanges)
    response_headers: HeaderChanges = field(default_factory=HeaderChanges)
    name: str = ""


@dataclass(frozen=True)
class VirtualHost:
    """The routes of some hosts, in the order in which they are tried; none: 404.

    A domain is a host, a wildcard as its first part (`*.example.com`), or `*`; ports are ignored. In one
    listener no domain occurs twice.
    """

    domains: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    https_redirect: bool = False
    """Whether plain HTTP is only told to come back with TLS."""
