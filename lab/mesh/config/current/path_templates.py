"""Path templates: `{*}` for one segment, `{**}` for any number, as the last operator."""

from __future__ import annotations

import re

ONE, MANY = "{*}", "{**}"
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")
"""RFC 3986, appendix A: the characters of a segment, without the star."""

_PLAIN = r"[A-Za-z0-9._~%!$&'()+,;:@=-]"
_SERVABLE = re.compile(rf"(/({_PLAIN}+|\{{\*\*?\}}))*/?")
LONGEST = 255


def is_template(path: str) -> bool:
    return ONE in path or MANY in path


def problem(path: str, field: str) -> str:
    """Why Istio's webhook rejects a path in this field; "" if it does not."""
    trimmed = path.strip("/")
    what, ended = f"invalid or unsupported path {trimmed}, found in {field}. ", False
    for segment in trimmed.split("/"):
        if segment in (ONE, MANY):
            if ended:
                return f"{what}{{**}} is not the last operator"
            ended = segment == MANY
        elif {"{", "}"} & set(segment):
            return f"{what}Contains '{{' or '}}' beyond a supported path template"
        elif is_template(path) and not _LITERAL.fullmatch(segment):
            return f"{what}Contains segment {segment} with invalid string literal"
    return ""


def is_servable(path: str) -> bool:
    """Whether Envoy can read it. It terminates on some templates that Istio's webhook accepts."""
    return not is_template(path) or (len(path) <= LONGEST and _SERVABLE.fullmatch(path) is not None)
