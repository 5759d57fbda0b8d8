"""Archives of images, as `docker save` and `skopeo copy` write them: docker's layout, and that of the OCI."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NotRequired, TypedDict

from lab.images.layers import BROKEN, Budget, check
from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage

Kind = Literal["docker-archive", "oci"]
"""In the words of skopeo."""

_DOCKER_INDEX, _OCI_INDEX = "manifest.json", "index.json"
# Containerd writes the whole name, others mostly a tag.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_INDEX_LIMIT = 4 << 20

_COMPRESSIONS: dict[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_OCI_FILE = re.compile(r"oci-layout|index\.json|blobs/\w+/[0-9a-f]+")


@dataclass(frozen=True)
class Archived:
    """One image in an archive; `selector` identifies it for skopeo."""

    kind: Kind
    selector: str
    names: tuple[Reference, ...]
    digest: str = ""


class _DockerImage(TypedDict, total=False):
    RepoTags: list[str] | None


class _OciManifest(TypedDict):
    digest: str
    annotations: NotRequired[dict[str, str] | None]


class _OciIndex(TypedDict):
    manifests: list[_OciManifest]


def examine(path: Path) -> list[Archived]:
    """The images in an archive, or in a directory of the OCI's layout.

    Reads all of it. Raises BadImage if it is no such archive, broken, too large, or leads out of the image.
    """
    try:
        indices = dict(_read(path, Budget()))
        if (content := indices.get(_DOCKER_INDEX)) is not None:
            return _of_docker(json.loads(content))
        if (content := indices.get(_OCI_INDEX)) is not None:
            return _of_oci(json.loads(content))
    except BadImage as problem:
        raise BadImage(f"{path}: {problem}") from problem
    except FileNotFoundError as error:
        raise BadImage(f"{path}: there is no such file") from error
    except BROKEN as error:
        raise BadImage(f"{path} is broken: {_why(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadImage(f"{path} is broken: its list of images is invalid") from error
    raise BadImage(f"{path} is not an archive of docker save or skopeo copy: it has no list of images")


def opened(path: Path, kind: Kind, place: Path) -> Path:
    """An archive that has been examined, at a path that skopeo takes, which has to be free.

    One of docker's layout uncompressed (skopeo does not take all that is), one of the OCI's as a directory
    (skopeo would give its files to whoever owned them elsewhere).
    """
    if path.is_dir():
        place.symlink_to(path.absolute())
    elif kind == "oci":
        with tarfile.open(path, "r|*") as archive:
            for name, _, content in _of_archive(archive):
                if _OCI_FILE.fullmatch(name):
                    (place / name).parent.mkdir(parents=True, exist_ok=True)
                    with (place / name).open("wb") as file:
                        shutil.copyfileobj(content, file, 1 << 20)
    elif (uncompress := _compression(path)) is not None:
        with uncompress(path) as source, place.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    else:
        place.symlink_to(path.absolute())
    return place


def _compression(path: Path) -> Callable[[Path], io.BufferedIOBase] | None:
    """What opens a compressed file; None if it is not compressed."""
    with path.open("rb") as file:
        start = file.read(max(map(len, _COMPRESSIONS)))
    return next((opened for magic, opened in _COMPRESSIONS.items() if start.startswith(magic)), None)


def check_layout(layout: Path) -> None:
    """Looks at what a directory of the OCI's layout would unpack. Raises BadImage."""
    for _ in _read(layout, Budget()):
        pass


def _read(path: Path, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Looks at all files, and gives the content of those that list images."""
    with _files(path) as files:
        for name, size, file in files:
            if name in (_DOCKER_INDEX, _OCI_INDEX):
                if size > _INDEX_LIMIT:
                    raise BadImage(f"{name} is too large")
                yield name, file.read()
            else:
                check(Path(name).name, file, budget)


@contextmanager
def _files(path: Path) -> Iterator[Iterator[tuple[str, int, IO[bytes]]]]:
    """(name, size, content) of all files; of an archive that may itself be compressed."""
    if path.is_dir():
        yield _of_directory(path)
    else:
        with tarfile.open(path, "r|*") as archive:
            yield _of_archive(archive)


def _of_directory(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as content:
                yield str(file.relative_to(path)), file.stat().st_size, content


def _of_archive(archive: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    budget = Budget()
    for member in archive:
        budget.take(member.size)
        content = archive.extractfile(member) if member.isreg() else None
        if content is not None:
            yield member.name.removeprefix("./"), member.size, content


def _of_docker(index: Sequence[_DockerImage]) -> list[Archived]:
    found = []
    for number, image in enumerate(index):
        names = tuple(Reference.parse(name).tagged() for name in image.get("RepoTags") or ())
        found.append(Archived("docker-archive", f":@{number}", names))
    return found


def _of_oci(index: _OciIndex) -> list[Archived]:
    found = []
    manifests = index["manifests"]
    for manifest in manifests:
        annotations = manifest.get("annotations") or {}
        reference = annotations.get(_NAMES[1], "")
        if not reference and len(manifests) > 1:
            raise BadImage("it has several images and no names for them")
        whole = next((annotations[key] for key in _NAMES if key in annotations), "")
        # A tag alone names nothing.
        names = (Reference.parse(whole).tagged(),) if ":" in whole or "/" in whole else ()
        found.append(Archived("oci", f":{reference}" if reference else "", names, manifest["digest"]))
    return found


def _why(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
