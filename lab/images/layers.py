"""Checks of an image's layers, before umoci unpacks them."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lab.node.images.search_path import BadImage

LIMIT = 4 << 30
"""The maximum size of an unpacked image, in bytes."""

_GIGABYTE = 1 << 30
_HEAD = 512
_GZIP, _ZSTD, _USTAR = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"ustar"

BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)
"""The exceptions of reading a broken archive."""


@dataclass
class Budget:
    """How much an image may still grow. `left` is in bytes."""

    left: int = LIMIT

    def take(self, size: int) -> None:
        """Raises BadImage."""
        self.left -= size
        if self.left < 0:
            raise BadImage(f"it unpacks to more than {LIMIT // _GIGABYTE} GiB")


def check(name: str, file: IO[bytes], budget: Budget) -> None:
    """Reads a blob of an image to its end; if it is a layer, checks what it would unpack.

    Raises BadImage; what else is wrong with it, umoci finds.
    """
    blob = _Peeked(file)
    if blob.start.startswith(_ZSTD):
        raise BadImage(f"layer {name} is compressed with zstd, which is not supported")
    if blob.start.startswith(_GZIP):
        # What comes after the end of a tar archive is unpacked by nobody, but read.
        blob = _Peeked(gzip.GzipFile(fileobj=blob), Budget())  # type: ignore[call-overload]
    if blob.start[257:262] == _USTAR:
        with tarfile.open(fileobj=blob, mode="r|") as layer:  # type: ignore[call-overload]
            for entry in _inside(layer):
                budget.take(entry.size)
    while blob.read(1 << 20):
        pass


def _inside(layer: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries of a layer. Raises BadImage for one that leads out of the image."""
    links: set[tuple[str, ...]] = set()
    for entry in layer:
        path = _resolved(entry.name.split("/"))
        if path is None:
            raise BadImage(f'"{entry.name}" leads out of the image')
        if any(path[:length] in links for length in range(1, len(path))):
            raise BadImage(f'"{entry.name}" leads out of the image by a link')
        if entry.islnk() and (entry.linkname.startswith("/") or _resolved(entry.linkname.split("/")) is None):
            raise BadImage(f'"{entry.name}" is a hard link out of the image, to {entry.linkname}')
        if entry.issym():
            # An absolute one starts from the root of whoever follows it. That is the image's in a container,
            # but nothing may be unpacked through it.
            inside = _resolved([*path[:-1], *entry.linkname.split("/")])
            if inside is None:
                raise BadImage(f'"{entry.name}" is a link out of the image, to {entry.linkname}')
            if entry.linkname.startswith("/"):
                links.add(path)
        yield entry


def _resolved(parts: list[str]) -> tuple[str, ...] | None:
    """A path without "." and ".."; None if it leads above where it starts."""
    found: list[str] = []
    for part in parts:
        if part == "..":
            if not found:
                return None
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return tuple(found)


class _Peeked:
    """A file of which the beginning has been looked at, and that may not be longer than a budget."""

    def __init__(self, file: IO[bytes], budget: Budget | None = None) -> None:
        self._file = file
        self._budget = budget
        self.start = file.read(_HEAD)
        self._unread = self.start

    def read(self, size: int) -> bytes:
        if not self._unread:
            read = self._file.read(size)
            if self._budget is not None:
                self._budget.take(len(read))
            return read
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken
