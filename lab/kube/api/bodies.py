"""Reading request bodies: bounded in size, depth and time, in JSON, YAML or kubectl's protobuf."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from lab.kube.api import protobuf
from lab.kube.errors import ApiError, bad_request
from lab.kube.objects import Json

MAX_BODY = 3 * 1024 * 1024
MAX_DEPTH = 100
# Seconds that a client may take to send a body.
READ_TIMEOUT = 10.0
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_YAML = ("application/yaml", "application/apply-patch+yaml")


def _too_large() -> ApiError:
    return ApiError(
        413, "RequestEntityTooLarge", f"Request entity too large: limit is {MAX_BODY}", details={}
    )


async def read(request: web.BaseRequest) -> bytes:
    """The whole body. Raises a 413 or, when the client is too slow, a 408."""
    if (request.content_length or 0) > MAX_BODY:
        raise _too_large()
    if not request.can_read_body:
        return b""
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _too_large()
    except TimeoutError:
        message = f"the body did not arrive within {READ_TIMEOUT:g} seconds"
        raise ApiError(408, "Timeout", message, headers={"Connection": "close"}) from None
    except web.RequestPayloadError as error:
        raise bad_request(f"the body could not be read: {error}") from None
    return bytes(body)


async def parse(request: web.BaseRequest) -> Json:
    """The body as JSON data; None if there is none. Raises a 400 if it cannot be parsed."""
    body = await read(request)
    if request.content_type == _PROTOBUF:
        return protobuf.decode(body)
    if not body:
        return None
    _check_depth(body)
    try:
        parsed: Json = orjson.loads(body)
        return parsed
    except orjson.JSONDecodeError as error:
        if request.content_type in _YAML:
            return parse_yaml(body)
        raise bad_request(f"error decoding request body: {error}") from None


def _check_depth(body: bytes) -> None:
    """Limits the depth, since objects are walked recursively."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise bad_request(f"error decoding request body: exceeded max depth of {MAX_DEPTH}")
        elif byte in b"}]":
            depth -= 1


def parse_yaml(body: bytes) -> Json:
    """YAML as JSON data: no aliases, no dates, bounded depth. Raises a 400."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(loader):  # type: ignore[misc, valid-type]
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        depth = 0
        # The loader composes recursively, in C without a limit: look at the events first.
        for event in yaml.parse(body, Loader=Loader):
            if isinstance(event, yaml.AliasEvent):
                raise bad_request("error converting YAML to JSON: aliases are not supported")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise bad_request("error converting YAML to JSON: exceeded max depth")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        loaded = yaml.load(body, Loader)
        # What JSON cannot say (binary, sets, huge numbers, half characters) fails here.
        converted: Json = orjson.loads(orjson.dumps(loaded, option=orjson.OPT_NON_STR_KEYS))
        return converted
    except (yaml.YAMLError, orjson.JSONEncodeError, ValueError, TypeError) as error:
        text = " ".join(str(error).split())
        raise bad_request(f"error converting YAML to JSON: {text}") from None
