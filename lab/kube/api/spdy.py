"""SPDY/3.1 frames, as much of them as port forwarding needs; carried in the messages of a WebSocket.

After the draft "SPDY Protocol - Draft 3.1". Nobody here looks at windows: neither does client-go.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

DICTIONARY = base64.b64decode(
    """
    AAAAB29wdGlvbnMAAAAEaGVhZAAAAARwb3N0AAAAA3B1dAAAAAZkZWxldGUAAAAFdHJhY2UAAAAGYWNjZXB0AAAADmFjY2VwdC1j
    aGFyc2V0AAAAD2FjY2VwdC1lbmNvZGluZwAAAA9hY2NlcHQtbGFuZ3VhZ2UAAAANYWNjZXB0LXJhbmdlcwAAAANhZ2UAAAAFYWxs
    b3cAAAANYXV0aG9yaXphdGlvbgAAAA1jYWNoZS1jb250cm9sAAAACmNvbm5lY3Rpb24AAAAMY29udGVudC1iYXNlAAAAEGNvbnRl
    bnQtZW5jb2RpbmcAAAAQY29udGVudC1sYW5ndWFnZQAAAA5jb250ZW50LWxlbmd0aAAAABBjb250ZW50LWxvY2F0aW9uAAAAC2Nv
    bnRlbnQtbWQ1AAAADWNvbnRlbnQtcmFuZ2UAAAAMY29udGVudC10eXBlAAAABGRhdGUAAAAEZXRhZwAAAAZleHBlY3QAAAAHZXhw
    aXJlcwAAAARmcm9tAAAABGhvc3QAAAAIaWYtbWF0Y2gAAAARaWYtbW9kaWZpZWQtc2luY2UAAAANaWYtbm9uZS1tYXRjaAAAAAhp
    Zi1yYW5nZQAAABNpZi11bm1vZGlmaWVkLXNpbmNlAAAADWxhc3QtbW9kaWZpZWQAAAAIbG9jYXRpb24AAAAMbWF4LWZvcndhcmRz
    AAAABnByYWdtYQAAABJwcm94eS1hdXRoZW50aWNhdGUAAAATcHJveHktYXV0aG9yaXphdGlvbgAAAAVyYW5nZQAAAAdyZWZlcmVy
    AAAAC3JldHJ5LWFmdGVyAAAABnNlcnZlcgAAAAJ0ZQAAAAd0cmFpbGVyAAAAEXRyYW5zZmVyLWVuY29kaW5nAAAAB3VwZ3JhZGUA
    AAAKdXNlci1hZ2VudAAAAAR2YXJ5AAAAA3ZpYQAAAAd3YXJuaW5nAAAAEHd3dy1hdXRoZW50aWNhdGUAAAAGbWV0aG9kAAAAA2dl
    dAAAAAZzdGF0dXMAAAAGMjAwIE9LAAAAB3ZlcnNpb24AAAAISFRUUC8xLjEAAAADdXJsAAAABnB1YmxpYwAAAApzZXQtY29va2ll
    AAAACmtlZXAtYWxpdmUAAAAGb3JpZ2luMTAwMTAxMjAxMjAyMjA1MjA2MzAwMzAyMzAzMzA0MzA1MzA2MzA3NDAyNDA1NDA2NDA3
    NDA4NDA5NDEwNDExNDEyNDEzNDE0NDE1NDE2NDE3NTAyNTA0NTA1MjAzIE5vbi1BdXRob3JpdGF0aXZlIEluZm9ybWF0aW9uMjA0
    IE5vIENvbnRlbnQzMDEgTW92ZWQgUGVybWFuZW50bHk0MDAgQmFkIFJlcXVlc3Q0MDEgVW5hdXRob3JpemVkNDAzIEZvcmJpZGRl
    bjQwNCBOb3QgRm91bmQ1MDAgSW50ZXJuYWwgU2VydmVyIEVycm9yNTAxIE5vdCBJbXBsZW1lbnRlZDUwMyBTZXJ2aWNlIFVuYXZh
    aWxhYmxlSmFuIEZlYiBNYXIgQXByIE1heSBKdW4gSnVsIEF1ZyBTZXB0IE9jdCBOb3YgRGVjIDAwOjAwOjAwIE1vbiwgVHVlLCBX
    ZWQsIFRodSwgRnJpLCBTYXQsIFN1biwgR01UY2h1bmtlZCx0ZXh0L2h0bWwsaW1hZ2UvcG5nLGltYWdlL2pwZyxpbWFnZS9naWYs
    YXBwbGljYXRpb24veG1sLGFwcGxpY2F0aW9uL3hodG1sK3htbCx0ZXh0L3BsYWluLHRleHQvamF2YXNjcmlwdCxwdWJsaWNwcml2
    YXRlbWF4LWFnZT1nemlwLGRlZmxhdGUsc2RjaGNoYXJzZXQ9dXRmLThjaGFyc2V0PWlzby04ODU5LTEsdXRmLSwqLGVucT0wLg==
    """
)
"""What both ends start compressing headers from (section 2.6.10.1)."""

DATA, SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 0, 1, 2, 3, 6, 7
PROTOCOL_ERROR, REFUSED_STREAM = 1, 3
FIN = 1
_CONTROL = 0x8003_0000
_STREAM = 0x7FFF_FFFF
LARGEST_FRAME = 1024 * 1024
_LARGEST_HEADERS = 64 * 1024


class Malformed(Exception):
    """What arrived is no SPDY, or more of it than anybody needs; the connection cannot go on."""


@dataclass(frozen=True)
class Frame:
    """Data (`kind` DATA) or a control frame; `headers` of a SYN_STREAM alone, by their lower-case names."""

    kind: int
    flags: int
    stream: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Reader:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole by now. Raises Malformed."""
        self._bytes += data
        found = []
        while len(self._bytes) >= 8:
            first, second = struct.unpack_from(">II", self._bytes)
            flags, length = second >> 24, second & 0xFFFFFF
            if length > LARGEST_FRAME:
                raise Malformed(f"a frame of {length} bytes")
            if len(self._bytes) < 8 + length:
                break
            body = bytes(self._bytes[8 : 8 + length])
            del self._bytes[: 8 + length]
            found.append(self._frame(first, flags, body))
        return found

    def _frame(self, first: int, flags: int, body: bytes) -> Frame:
        if not first >> 31:
            return Frame(DATA, flags, first, body)
        if first >> 16 != _CONTROL >> 16:
            raise Malformed(f"a control frame of version {(first >> 16) & 0x7FFF}")
        kind = first & 0xFFFF
        if kind == SYN_STREAM and len(body) < 10:
            raise Malformed("a SYN_STREAM without a stream")
        stream = struct.unpack_from(">I", body)[0] & _STREAM if len(body) >= 4 else 0
        return Frame(kind, flags, stream, body, self._headers(body[10:]) if kind == SYN_STREAM else {})

    def _headers(self, packed: bytes) -> dict[str, str]:
        """The dictionary of the connection grows with every block, so none may be left out."""
        try:
            plain = self._inflate.decompress(packed, _LARGEST_HEADERS)
            if self._inflate.unconsumed_tail:
                raise Malformed(f"more than {_LARGEST_HEADERS} bytes of headers")
            return dict(_pairs(plain))
        except (zlib.error, struct.error, UnicodeDecodeError) as error:
            raise Malformed(f"headers that cannot be read: {error}") from None


def _pairs(plain: bytes) -> list[tuple[str, str]]:
    texts, at = [], 4
    for _ in range(2 * struct.unpack_from(">I", plain)[0]):
        (size,) = struct.unpack_from(">I", plain, at)
        if at + 4 + size > len(plain):
            raise struct.error("a text that is cut off")
        texts.append(plain[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return [(name.lower(), value) for name, value in zip(texts[::2], texts[1::2], strict=True)]


class Writer:
    """Frames in, bytes out."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """A SYN_REPLY without headers: the stream is accepted."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, struct.pack(">I", stream) + block)


def data(stream: int, content: bytes, *, last: bool = False) -> bytes:
    return struct.pack(">II", stream, (FIN if last else 0) << 24 | len(content)) + content


def control(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", _CONTROL | kind, len(body)) + body


def reset(stream: int, status: int) -> bytes:
    return control(RST_STREAM, struct.pack(">II", stream, status))
