"""The folder of a proxy: files appear whole, by rename, and only when their content changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
"""Private keys are in these files."""


class ProxyFolder:
    """What one proxy reads. Remembers what it has written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[str, bytes] = {}

    def write(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        """Writes the files that differ, in the given order; returns their names.

        Files that are no longer among them are removed afterwards: until then a proxy may refer to them.
        """
        self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        changed: list[str] = []
        wanted: set[str] = set()
        for name, content in files:
            wanted.add(name)
            if self._written.get(name) != content:
                self._put(name, content)
                changed.append(name)
        for name in self._written.keys() - wanted:
            (self.path / name).unlink()
            del self._written[name]
        return changed

    def remove(self) -> None:
        """Removes the folder with everything that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _put(self, name: str, content: bytes) -> None:
        temporary = self.path / f".{name}.tmp"
        temporary.touch(mode=PRIVATE_FILE)
        temporary.write_bytes(content)
        temporary.replace(self.path / name)
        self._written[name] = content
