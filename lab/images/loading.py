"""Creates an image folder from an archive or a registry, completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import yaml

from lab.host import identities
from lab.images import archives, engines
from lab.node.images import folders
from lab.node.images.references import DEFAULT_TAG, Reference
from lab.node.images.search_path import BadImage, MachineLacks

_HALF = ".load-"
_TAG = "loaded"


class _Process(TypedDict, total=False):
    """The process of an image. OCI image specification: config.md."""

    Entrypoint: list[str] | None
    Cmd: list[str] | None
    Env: list[str] | None
    User: str | None
    WorkingDir: str | None


class _Config(TypedDict, total=False):
    architecture: str
    config: _Process | None


def load(path: Path, store: Path, names: Sequence[Reference] = ()) -> list[folders.ImageFolder]:
    """Adds the images of an archive to a store; `names` replace the image's own if there is only one.

    Raises BadImage and MachineLacks; then nothing has changed.
    """
    engines.demand()
    found = archives.examine(path)
    if names and len(found) > 1:
        raise BadImage(f"{path} has {len(found)} images, which cannot all have one name")
    for image in found:
        if not (names or image.names):
            raise BadImage(f"{path} does not say what its image is called: add --name NAME")
    with _workplace(store) as scratch:
        opened = archives.opened(path, found[0].kind, scratch / "archive")
        made = []
        for number, image in enumerate(found):
            folder = _new(scratch, number)
            source = f"{image.kind}:{opened}{image.selector}"
            _fill(folder, source, tuple(names) or image.names, image.digest, str(path))
            made.append(folder)
        return [_put_in_place(folder, store) for folder in made]


def pull(name: str, store: Path) -> folders.ImageFolder:
    """Adds an image of a registry to a store. Raises as `load` does."""
    reference = Reference.parse(name)
    if not reference.valid:
        raise BadImage(f'"{name}" is not an image name')
    engines.demand()
    tag = reference.tag or ("" if reference.digest else DEFAULT_TAG)
    with _workplace(store) as scratch:
        folder = _new(scratch, 0)
        # skopeo takes a tag or a digest, not both.
        source = re.sub(r":[\w.-]+@", "@", name)
        named = (Reference(reference.repository, tag),)
        _fill(folder, f"docker://{source}", named, reference.digest, name, insecure=_is_here(name))
        return _put_in_place(folder, store)


def _fill(
    folder: Path,
    source: str,
    names: tuple[Reference, ...],
    digest: str,
    told: str,
    *,
    insecure: bool = False,
) -> None:
    """Copies, checks and unpacks an image into a folder. `told` is what its user calls the source."""
    layout = folder / "layout"
    try:
        engines.copy(source, layout, _TAG, folder, insecure=insecure)
        archives.check_layout(layout)
        config = _config(layout)
        architecture = config.get("architecture", "")
        if architecture not in ("", folders.machine()):
            raise BadImage(f"the image is for {architecture}, this machine is {folders.machine()}")
        engines.unpack(layout, _TAG, folder / "root")
    except BadImage as problem:
        if "no space left" in str(problem):
            raise MachineLacks(f"no space left in {folder.parent.parent}") from problem
        why = str(problem).removeprefix(f"{layout}: ").replace(f"{folder.parent}/", "")
        raise BadImage(f"{told}: {why}") from problem
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadImage(f"{told}: its configuration is invalid") from error
    identities.remove(layout)
    manifest = _manifest(config, names, digest)
    (folder / folders.MANIFEST).write_text(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))
    try:
        folders.read(folder)
    except BadImage as problem:
        raise BadImage(f"{told}: {str(problem).partition(': ')[2]}") from problem


def _config(layout: Path) -> _Config:
    """The configuration of the one image in a layout. OCI image specification: config.md."""
    manifest = _blob(layout, json.loads((layout / "index.json").read_text())["manifests"][0])
    config: _Config = _blob(layout, manifest["config"])
    return config


def _blob(layout: Path, descriptor: Mapping[str, str]) -> Any:
    algorithm, _, digest = descriptor["digest"].partition(":")
    return json.loads((layout / "blobs" / algorithm / digest).read_text())


def _manifest(config: _Config, names: tuple[Reference, ...], digest: str) -> dict[str, object]:
    inner: _Process = config.get("config") or {}
    fields = {
        "name": [str(name) for name in names],
        "entrypoint": list(inner.get("Entrypoint") or ()),
        "args": list(inner.get("Cmd") or ()),
        "env": dict(variable.split("=", 1) for variable in inner.get("Env") or () if "=" in variable),
        "user": str(inner.get("User") or ""),
        "workingDir": inner.get("WorkingDir") or "/",
        "root": "root",
        "architecture": config.get("architecture", ""),
        "digest": digest,
    }
    return {name: value for name, value in fields.items() if value}


def _is_here(name: str) -> bool:
    """Whether a name's registry is on this machine; engines use no TLS for it."""
    host = name.partition("/")[0].rpartition(":")[0] or name.partition("/")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _workplace(store: Path) -> Iterator[Path]:
    """A hidden directory of the store, on its file system, gone in the end. Raises MachineLacks."""
    try:
        # Programs that become root when they are run are in images too.
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(store):  # or somebody else could sweep it away before it is locked
            _sweep(store)
            place = Path(tempfile.mkdtemp(prefix=_HALF, dir=store))
            lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield place
        finally:
            identities.remove(place)
            os.close(lock)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MachineLacks(f"no space left in {store}") from error
        raise BadImage(f"{error.filename or store}: {error.strerror}") from error


def _sweep(store: Path) -> None:
    """Removes what killed loads have left."""
    for left in store.glob(f"{_HALF}*"):
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                identities.remove(left)
            except BlockingIOError:
                continue  # somebody's who lives
            finally:
                os.close(lock)


def _new(scratch: Path, number: int) -> Path:
    folder = scratch / f"image-{number}"
    # What is below is seen by containers of any user; the store itself is its owner's.
    folder.mkdir(mode=0o755)
    return folder


def _put_in_place(folder: Path, store: Path) -> folders.ImageFolder:
    """Moves a folder into the store. One that had its name before makes room."""
    image = folders.read(folder)
    called = str(image.names[0]) if image.names[0].tag else f"{image.names[0]}@{image.digest}"
    place = store / re.sub(r"[^\w.-]+", "_", called)
    with _locked(store):
        old = Path(tempfile.mkdtemp(prefix=_HALF, dir=store))
        with contextlib.suppress(FileNotFoundError):
            place.rename(old)
        folder.rename(place)
        # Before somebody else puts another one there.
        found = folders.read(place)
        # Unless it is in use: then whoever loads an image after that removes it.
        _sweep(store)
    return found


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
