"""Errors of Go's net/url for HTTP and HTTPS URLs, as the API server and Istio report them."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_PORT = re.compile(r"(:[0-9]*)?")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_NOT_IN_HOST = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]")
_ESCAPE = re.compile(r"%(.{0,2})", re.DOTALL)
_HEX = re.compile(r"[0-9a-fA-F]{2}")


def problem(url: str) -> str:
    """ "" if there is none. The URL begins with http:// or https://."""
    if _UNPRINTABLE.search(url):
        return "net/url: invalid control character in URL"
    rest, _, fragment = url.partition("://")[2].partition("#")
    rest = rest.partition("?")[0]
    authority, slash, path = rest.partition("/")
    return _authority_problem(authority) or _escape_problem(slash + path) or _escape_problem(fragment)


def _authority_problem(authority: str) -> str:
    user, _, host = authority.rpartition("@")
    if not _USER.fullmatch(user):
        return "net/url: invalid userinfo"
    if host.startswith("["):
        address, bracket, port = host.rpartition("]")
        if not bracket:
            return "missing ']' in host"
        # The zone of an address may have any escape.
        name = address.partition("%25")[0]
    else:
        name, colon, digits = host.partition(":")
        port = colon + digits
    if not _PORT.fullmatch(port):
        return f'invalid port "{port}" after host'
    return _escape_problem(user) or _escape_problem(name, of_host=True) or _letter_problem(name)


def _letter_problem(host: str) -> str:
    wrong = _NOT_IN_HOST.search(host)
    return f'invalid character "{wrong[0]}" in host name' if wrong else ""


def _escape_problem(text: str, *, of_host: bool = False) -> str:
    """A host may have no letter escaped that could stand there as it is."""
    for escape in _ESCAPE.finditer(text):
        if not _HEX.fullmatch(escape[1]) or (of_host and int(escape[1], 16) < 0x80):
            return f'invalid URL escape "{escape[0]}"'
    return ""
