"""Volumes of a pod, as directories of the node. Their contents: lab.node.pods.volume_content."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.kube.client import Object
from lab.node.pods import security_context
from lab.node.pods.downward_api import ConfigMissing
from lab.node.pods.environment import expand
from lab.node.pods.volume_content import File, Sources
from lab.node.processes.mounts import Bind

_ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
# No volume of a pod has a name with a dot.
_ACCOUNT_VOLUME = "service.account"

_REPLACED_AFTER = 0.8
"""Of a token's lifetime."""
_REPLACED_AFTER_AT_MOST_S = 24 * 3600

_ANYBODYS = 0o777
_READABLE = 0o755
_GROUPS_TOO = 0o2070
_GROUP_READS_AND_WRITES = 0o060


class VolumeMissing(ConfigMissing):
    """A volume cannot be set up yet; `str` is the kubelet's message."""

    def __init__(self, volume: str, why: object) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {why}')


class Volumes:
    """The volumes of one pod, in a directory of the pod's own."""

    def __init__(self, directory: Path, sources: Sources) -> None:
        spec = sources.pod["spec"]
        self._volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
        self._containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        self._group: int | None = (spec.get("securityContext") or {}).get("fsGroup")
        self._directory = directory
        self._sources = sources
        self._account: Path | None = None
        self._lifetimes: set[float] = set()

    def prepare(self) -> None:
        """Sets up all volumes that are mounted in a container.

        Raises VolumeMissing when there is something that one is made of; then nothing of that one is left,
        and it can be tried again.
        """
        for container in self._containers:
            for mount in container.get("volumeMounts") or ():
                self._make(self._volumes[mount["name"]])
        try:
            account = self._sources.account()
        except ConfigMissing as missing:
            raise VolumeMissing("kube-api-access", missing) from missing
        if account is not None:
            self._account = self._directory / _ACCOUNT_VOLUME
            self._write(self._account, account, _READABLE)

    async def keep_fresh(self) -> None:
        """Rotates tokens before they expire, when the kubelet would; forever, if there are any."""
        while self._lifetimes:
            await asyncio.sleep(min(_REPLACED_AFTER * min(self._lifetimes), _REPLACED_AFTER_AT_MOST_S))
            for volume in self._volumes.values():
                directory = self._directory / str(volume["name"])
                if not directory.exists() or "projected" not in volume:
                    continue
                # Without its account a pod has no new tokens; the old ones are worth nothing either.
                with contextlib.suppress(ConfigMissing):
                    expiring = [file for file in self._sources.files(volume) if file.lifetime]
                    self._write(directory, expiring, _READABLE)

    def binds(self, container: Object, variables: Mapping[str, str]) -> list[Bind]:
        """What to mount in a container with these variables; outer mounts come before those inside them."""
        mounts = [*(container.get("volumeMounts") or ())]
        found = [self._bind(mount, variables) for mount in mounts]
        if self._account and _ACCOUNT_PATH not in {bind.target.rstrip("/") for bind in found}:
            found.append(Bind(str(self._account), _ACCOUNT_PATH))
        found.sort(key=lambda bind: len(_parts(bind.target)))
        for number, inner in enumerate(found):
            for outer in found[:number]:
                _make_place(outer, inner)
        return found

    def _bind(self, mount: Object, variables: Mapping[str, str]) -> Bind:
        volume = self._volumes[mount["name"]]
        whole = self._directory / str(mount["name"])
        below = mount.get("subPath") or expand(mount.get("subPathExpr") or "", variables)
        source = whole / below
        if below.startswith("/") or ".." in _parts(below):
            raise ConfigMissing(f'subPath "{below}" must be a path inside the volume "{mount["name"]}"')
        if "emptyDir" in volume and not source.exists():
            self._make_directory(source)
        writable = "emptyDir" in volume and not mount.get("readOnly", False)
        # Without a place for an empty volume that cannot be written to, nothing is lost.
        optional = not writable and not any(whole.iterdir())
        return Bind(str(source), mount["mountPath"], writable=writable, optional=optional)

    def _make(self, volume: Object) -> None:
        directory = self._directory / str(volume["name"])
        if directory.exists():
            return
        if "emptyDir" in volume:
            self._make_directory(directory)
            return
        try:
            files = self._sources.files(volume)
        except ConfigMissing as missing:
            raise VolumeMissing(volume["name"], missing) from missing
        self._write(directory, files, _READABLE)
        self._lifetimes.update(file.lifetime for file in files if file.lifetime)

    def _make_directory(self, directory: Path) -> None:
        """One that programs of any user can write to, as the kubelet makes them."""
        directory.mkdir(parents=True)
        self._give(directory, _ANYBODYS, _GROUPS_TOO)

    def _write(self, directory: Path, files: Sequence[File], mode: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._give(directory, mode, _GROUPS_TOO)
        for file in files:
            path = directory / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            # As a whole: the program that reads it may run already.
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(file.content)
            self._give(new, file.mode, _GROUP_READS_AND_WRITES)
            new.replace(path)

    def _give(self, path: Path, mode: int, to_group: int) -> None:
        """Sets the mode, and where the pod has an fsGroup makes that the group, with further permissions."""
        if self._group is not None and security_context.mapped("group", self._group):
            os.chown(path, -1, self._group)
            mode |= to_group
        path.chmod(mode)


def _make_place(outer: Bind, inner: Bind) -> None:
    """Makes the directory (or file) in a volume on which another one is mounted."""
    parts, above = _parts(inner.target), _parts(outer.target)
    if parts[: len(above)] != above or len(parts) == len(above) or not Path(outer.source).is_dir():
        return
    place = Path(outer.source, *parts[len(above) :])
    if place.exists():
        return
    if Path(inner.source).is_dir():
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
