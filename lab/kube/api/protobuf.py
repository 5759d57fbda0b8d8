"""Request bodies in `application/vnd.kubernetes.protobuf`, as kubectl's `create` sub-commands send them.

A body is `k8s\\0` and a runtime.Unknown that names the kind and holds the object. Answers are always JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from lab.kube.errors import ApiError, bad_request
from lab.kube.kinds import builtin
from lab.kube.kinds.protobuf_messages import Field, Message, Scalar
from lab.kube.objects import Json, Object
from lab.kube.timestamps import timestamp

MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}


class Malformed(ValueError):
    """Bytes that are no protobuf message, or one with fields that are not known here."""


def decode(body: bytes) -> Object:
    """The object in a body. Raises ApiError: 400 for a malformed one, 415 for a kind without a table."""
    if not body.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix k8s\\0")
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        kind = dict(_fields(_bytes(envelope.get(1, b""))))
        version, name = (_bytes(kind.get(number, b"")).decode() for number in (1, 2))
        if not name:
            raise Malformed("the body names no kind")
        message = builtin.messages().get((version, name))
        if message is None:
            known = ", ".join(sorted({kind for _, kind in builtin.messages()}))
            raise ApiError(
                415,
                "UnsupportedMediaType",
                f"this server reads protobuf for {known} only, not for {version} {name}; send JSON instead "
                "(kubectl create ... --dry-run=client -o yaml | kubectl apply -f -)",
            )
        fields = _message(_bytes(envelope.get(2, b"")), message, name)
    except (Malformed, UnicodeDecodeError) as error:
        raise bad_request(f"error decoding protobuf body: {error}") from None
    return {"apiVersion": version, "kind": name, **fields}


def _message(data: bytes, message: Message, path: str) -> Object:
    result: Object = {}
    for number, raw in _fields(data):
        field = message.get(number)
        if field is None:
            raise Malformed(f"field {number} of {path} is not known to this server; send JSON instead")
        if field.type is Scalar.IGNORED:
            continue
        value = _value(raw, field, f"{path}.{field.name}")
        if field.repeated:
            result.setdefault(field.name, []).append(value)
        elif isinstance(field.type, Scalar) and field.type in (Scalar.STRING_MAP, Scalar.BYTES_MAP):
            result.setdefault(field.name, {}).update(value)
        elif field.present or value not in ("", 0, False, None, {}):
            result[field.name] = value
    return result


def _value(raw: int | bytes, field: Field, path: str) -> Json:
    match field.type:
        case Scalar.INTEGER:
            return _signed(_integer(raw))
        case Scalar.BOOLEAN:
            return bool(_integer(raw))
        case Scalar.STRING:
            return _bytes(raw).decode()
        case Scalar.TIME:
            seconds = dict(_fields(_bytes(raw))).get(1)
            return None if seconds is None else _timestamp(_signed(_integer(seconds)))
        case Scalar.INT_OR_STRING:
            parts = dict(_fields(_bytes(raw)))
            if _integer(parts.get(1, 0)):
                return _bytes(parts.get(3, b"")).decode()
            return _signed(_integer(parts.get(2, 0)))
        case Scalar.STRING_MAP | Scalar.BYTES_MAP:
            entry = dict(_fields(_bytes(raw)))
            content = _bytes(entry.get(2, b""))
            text = content if field.type is Scalar.STRING_MAP else base64.b64encode(content)
            return {_bytes(entry.get(1, b"")).decode(): text.decode()}
        case Scalar.IGNORED:
            return None
        case message:
            return _message(_bytes(raw), message, path)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(data, position)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise Malformed(f"wire type {wire} at byte {position}")
        if position + length > end:
            raise Malformed("truncated field")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise Malformed("truncated varint")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return result & (2**64 - 1), position


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _integer(raw: int | bytes) -> int:
    if isinstance(raw, bytes):
        raise Malformed("bytes where a number belongs")
    return raw


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise Malformed("a number where bytes belong")
    return raw


def _timestamp(seconds: int) -> str:
    try:
        return timestamp(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        raise Malformed(f"no such time: {seconds} s") from None
