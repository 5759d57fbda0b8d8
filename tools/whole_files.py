"""Files and output that are written wholly or not at all; what cannot be written is named by its error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(place: str | Path) -> Iterator[None]:
    """Have an OSError name the place: one of writing, such as a full disk, names none by itself."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(place)
        raise


@contextmanager
def new_key_file(path: Path, data: bytes) -> Iterator[None]:
    """A private key that only its owner can read; it is gone again if what is done with it fails.

    FileExistsError if the file is there.
    """
    with naming(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with naming(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
        yield
    except BaseException:
        path.unlink()
        raise


def replace(path: Path, text: str) -> None:
    """Write a file wholly or not at all; a device or a pipe is written to as it is."""
    if path.exists() and not path.is_file():
        with naming(path):
            path.write_text(text)
        return
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with naming(path):
            unfinished.write_text(text)
            unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        error.filename = str(path)
        raise


def say(text: str) -> None:
    """Print on standard output, or OSError: what Python only notices when it ends would be too late."""
    with naming("standard output"):
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        try:
            print(text, flush=True)  # noqa: T201
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again at its end
            raise
