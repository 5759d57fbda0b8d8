"""Volumes of a pod, as directories of the node: emptyDir, configMap, secret, projected.

A container's tree is read-only: a volume can be mounted where a directory is, and anywhere in /tmp and /run.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.kube.store import Key, Object, Store
from lab.node.environment import ConfigMissing
from lab.node.mounts import Bind

_CONFIG_MAPS = Key("", "configmaps")
_SECRETS = Key("", "secrets")


_ACCOUNTS = Key("", "serviceaccounts")
_ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class AccountTokens:
    """How pods prove to the API server who they are, and know it."""

    issue: Callable[[Object, Object], str]
    """A token of a ServiceAccount, bound to a pod."""
    ca_certificate: str


class Volumes:
    """Makes the volumes of one pod when a container needs them."""

    def __init__(self, pod: Object, directory: Path, store: Store, tokens: AccountTokens | None) -> None:
        self._pod = pod
        self._tokens = tokens
        self._namespace: str = pod["metadata"]["namespace"]
        self._volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        self._directory = directory
        self._store = store

    def binds(self, container: Object) -> list[Bind]:
        """What to mount in a container. Raises ConfigMissing."""
        return list(self._binds(container))

    def _binds(self, container: Object) -> Iterator[Bind]:
        for mount in container.get("volumeMounts") or ():
            volume = self._volumes[mount["name"]]
            source = self._prepared(volume)
            path = str(source / mount["subPath"]) if mount.get("subPath") else str(source)
            writable = "emptyDir" in volume and not mount.get("readOnly", False)
            # Without a place for an empty volume that cannot be written to, nothing is lost.
            optional = not writable and not any(source.iterdir())
            yield Bind(path, mount["mountPath"], writable=writable, optional=optional)

        mounted = {mount["mountPath"] for mount in container.get("volumeMounts") or ()}
        if self._tokens and _ACCOUNT_PATH not in mounted and (account := self._account(self._tokens)):
            yield Bind(str(account), _ACCOUNT_PATH)

    def _account(self, tokens: AccountTokens) -> Path | None:
        """The directory with the token of the pod's account; None if it is not wanted."""
        name = self._pod["spec"].get("serviceAccountName") or "default"
        account = self._store.get(_ACCOUNTS, self._namespace, name)
        if account is None:
            raise ConfigMissing(f'serviceaccount "{name}" not found')
        wanted = self._pod["spec"].get("automountServiceAccountToken")
        if not (account.get("automountServiceAccountToken", True) if wanted is None else wanted):
            return None
        # No volume has a name with a dot.
        directory = self._directory / "service.account"
        if not directory.exists():
            directory.mkdir(parents=True)
            (directory / "token").write_text(tokens.issue(account, self._pod))
            (directory / "ca.crt").write_text(tokens.ca_certificate)
            (directory / "namespace").write_text(self._namespace)
        return directory

    def _prepared(self, volume: Object) -> Path:
        directory = self._directory / str(volume["name"])
        if not directory.exists():
            directory.mkdir(parents=True)
            for name, content in self._content(volume):
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_bytes(content)
        return directory

    def _content(self, volume: Object) -> Iterator[tuple[str, bytes]]:
        if "emptyDir" in volume:
            return
        sources = volume.get("projected", {}).get("sources") or [volume]
        for source in sources:
            if config := source.get("configMap"):
                yield from self._selected(_CONFIG_MAPS, "configmap", config, config.get("name"))
            elif secret := source.get("secret"):
                name = secret.get("secretName") or secret.get("name")
                yield from self._selected(_SECRETS, "secret", secret, name)
            else:
                raise ConfigMissing(f'volume "{volume["name"]}": this node knows no such kind of volume')

    def _selected(self, key: Key, word: str, source: Object, name: str | None) -> Iterator[tuple[str, bytes]]:
        obj = self._store.get(key, self._namespace, name or "")
        if obj is None:
            if source.get("optional"):
                return
            raise ConfigMissing(f'{word} "{name}" not found')
        entries = _entries(obj, encoded=key == _SECRETS)
        items = source.get("items")
        if items is None:
            yield from entries.items()
            return
        for item in items:
            if item["key"] in entries:
                yield item["path"], entries[item["key"]]
            elif not source.get("optional"):
                raise ConfigMissing(f'{word} "{name}" has no key {item["key"]}')


def _entries(obj: Object, *, encoded: bool) -> dict[str, bytes]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    decoded = {name: base64.b64decode(value) for name, value in (data if encoded else binary).items()}
    return decoded if encoded else decoded | {name: value.encode() for name, value in data.items()}
