"""Images built on the spot, as archives of both layouts, and with whatever is wrong in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.node.images import folders

needs_engines = pytest.mark.skipif(
    not (shutil.which("skopeo") and shutil.which("umoci")),
    reason="skopeo or umoci is missing: apt-get install skopeo umoci",
)

Entry = tuple[tarfile.TarInfo, bytes]


def file(name: str, content: bytes = b"", mode: int = 0o644, uid: int = 0) -> Entry:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid = len(content), mode, uid
    return entry, content


def directory(name: str, mode: int = 0o755) -> Entry:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry, b""


def link(name: str, to: str, *, hard: bool = False) -> Entry:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.LNKTYPE if hard else tarfile.SYMTYPE, to
    return entry, b""


def layer(*entries: Entry) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@dataclass(frozen=True)
class Image:
    """What goes into an archive. Layers are not compressed."""

    layers: Sequence[bytes] = (layer(file("hello", b"hello\n")),)
    config: Mapping[str, Any] = field(default_factory=dict)
    architecture: str = folders.machine()
    name: str = "acme/one:1"

    def configuration(self) -> bytes:
        return json.dumps(
            {
                "architecture": self.architecture,
                "os": "linux",
                "config": dict(self.config),
                "rootfs": {"type": "layers", "diff_ids": [_digest(each) for each in self.layers]},
            }
        ).encode()


def docker(path: Path, *images: Image, alter: Callable[[dict[str, bytes]], None] | None = None) -> Path:
    """As `docker save` writes it. `alter` may spoil the files before they are packed."""
    files: dict[str, bytes] = {}
    index = []
    for image in images:
        config = image.configuration()
        name = f"{_digest(config).partition(':')[2]}.json"
        layers = [f"{_digest(each).partition(':')[2]}/layer.tar" for each in image.layers]
        files |= {name: config, **dict(zip(layers, image.layers, strict=True))}
        index.append({"Config": name, "RepoTags": [image.name] if image.name else None, "Layers": layers})
    files["manifest.json"] = json.dumps(index).encode()
    return _packed(path, files, alter)


def oci(
    path: Path, *images: Image, alter: Callable[[dict[str, bytes]], None] | None = None, squeezed: bool = True
) -> Path:
    """As `skopeo copy` writes it to `oci-archive:`."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(content: bytes, kind: str) -> dict[str, Any]:
        digest = _digest(content)
        files[f"blobs/{digest.replace(':', '/')}"] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(content)}

    manifests = []
    for image in images:
        zipped = [gzip.compress(each, 1) if squeezed else each for each in image.layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob(image.configuration(), "config.v1+json"),
            "layers": [blob(each, f"layer.v1.tar{'+gzip' * squeezed}") for each in zipped],
        }
        named = {"annotations": {"org.opencontainers.image.ref.name": image.name}} if image.name else {}
        manifests.append(blob(json.dumps(manifest).encode(), "manifest.v1+json") | named)
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    return _packed(path, files, alter)


def _packed(path: Path, files: dict[str, bytes], alter: Callable[[dict[str, bytes]], None] | None) -> Path:
    if alter is not None:
        alter(files)
    path.write_bytes(layer(*(file(name, content) for name, content in files.items())))
    return path


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
