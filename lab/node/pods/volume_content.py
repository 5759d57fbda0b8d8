"""The files of a pod's volumes: configMap, secret, downwardAPI, and projected, which may have tokens too."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.kube.client import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, GroupResource, Object, Store
from lab.node.pods import downward_api
from lab.node.pods.downward_api import ConfigMissing

_DEFAULT_MODE = 0o644
# What Kubernetes extends the tokens in pods to, for programs that do not read them again.
_ACCOUNT_LIFETIME_S = 365 * 24 * 3600
_TOKEN_LIFETIME_S = 3600


@dataclass(frozen=True)
class AccountTokens:
    """ServiceAccount tokens for pods, and what they need to verify the API server."""

    issue: Callable[[Object, Object, Sequence[str], int], str]
    """A token of a ServiceAccount, bound to a pod, for audiences (none: the API server) and some seconds."""
    ca_certificate: str


@dataclass(frozen=True)
class File:
    """A file of a volume; `path` is relative."""

    path: str
    content: bytes
    mode: int = _DEFAULT_MODE
    lifetime: float | None = None
    """Seconds after which it expires; None: never."""


@dataclass(frozen=True)
class Sources:
    """Where the content of one pod's volumes comes from."""

    pod: Object
    address: str
    """The pod's."""
    store: Store
    tokens: AccountTokens | None

    def files(self, volume: Object) -> list[File]:
        """Raises ConfigMissing."""
        if "emptyDir" in volume:
            return []
        kind = next(
            (kind for kind in ("projected", "configMap", "secret", "downwardAPI") if kind in volume), None
        )
        if kind is None:
            raise ConfigMissing("this node knows no such kind of volume")
        mode = volume[kind].get("defaultMode", _DEFAULT_MODE)
        sources = volume["projected"].get("sources") or () if kind == "projected" else [volume]
        return [file for source in sources for file in self._source(source, mode)]

    def account(self) -> list[File] | None:
        """What proves the pod's ServiceAccount to the API server; None if it is not wanted.

        Raises ConfigMissing.
        """
        if self.tokens is None:
            return None
        account = self._account()
        wanted = self.pod["spec"].get("automountServiceAccountToken")
        if not (account.get("automountServiceAccountToken", True) if wanted is None else wanted):
            return None
        token = self.tokens.issue(account, self.pod, (), _ACCOUNT_LIFETIME_S)
        return [
            File("token", token.encode()),
            File("ca.crt", self.tokens.ca_certificate.encode()),
            File("namespace", self._namespace.encode()),
        ]

    @property
    def _namespace(self) -> str:
        namespace: str = self.pod["metadata"]["namespace"]
        return namespace

    def _account(self) -> Object:
        name = self.pod["spec"].get("serviceAccountName") or "default"
        account = self.store.get(SERVICE_ACCOUNTS, self._namespace, name)
        if account is None:
            raise ConfigMissing(f'serviceaccount "{name}" not found')
        return account

    def _source(self, source: Object, mode: int) -> Iterator[File]:
        if (config := source.get("configMap")) is not None:
            yield from self._selected(CONFIG_MAPS, "configmap", config, config.get("name"), mode)
        elif (secret := source.get("secret")) is not None:
            name = secret.get("secretName") or secret.get("name")
            yield from self._selected(SECRETS, "secret", secret, name, mode)
        elif (told := source.get("downwardAPI")) is not None:
            for item in told.get("items") or ():
                yield File(item["path"], self._downward(item).encode(), item.get("mode", mode))
        elif (token := source.get("serviceAccountToken")) is not None:
            lifetime = token.get("expirationSeconds") or _TOKEN_LIFETIME_S
            yield File(token["path"], self._token(token, lifetime).encode(), mode, lifetime)
        else:
            raise ConfigMissing(f"this node knows no volume source {', '.join(source)}")

    def _downward(self, item: Object) -> str:
        if reference := item.get("resourceFieldRef"):
            # In a volume the container must be named.
            return downward_api.resource(reference, {}, self.pod)
        return downward_api.field(item["fieldRef"]["fieldPath"], self.pod, self.address)

    def _token(self, wanted: Object, lifetime: int) -> str:
        account = self._account()
        if self.tokens is None:
            raise ConfigMissing("this node issues no tokens")
        audiences = [wanted["audience"]] if wanted.get("audience") else []
        return self.tokens.issue(account, self.pod, audiences, lifetime)

    def _selected(
        self, key: GroupResource, word: str, source: Object, name: str | None, mode: int
    ) -> Iterator[File]:
        obj = self.store.get(key, self._namespace, name or "")
        if obj is None:
            if source.get("optional"):
                return
            raise ConfigMissing(f'{word} "{name}" not found')
        entries = _entries(obj, encoded=key == SECRETS)
        items = source.get("items")
        if items is None:
            for entry, content in entries.items():
                yield File(entry, content, mode)
            return
        for item in items:
            if item["key"] in entries:
                yield File(item["path"], entries[item["key"]], item.get("mode", mode))
            elif not source.get("optional"):
                raise ConfigMissing(f'{word} "{name}" has no key {item["key"]}')


def _entries(obj: Object, *, encoded: bool) -> dict[str, bytes]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    decoded = {name: base64.b64decode(value) for name, value in (data if encoded else binary).items()}
    return decoded if encoded else decoded | {name: value.encode() for name, value in data.items()}
