"""The token controller: ServiceAccount tokens in Secrets, for clients that cannot request one.

A Secret of this type that names an account is filled in, and goes with the account. Before its release 1.24
Kubernetes made one for every account, `default-token-x4k2p` for `default`; here that is a matter of choice.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from lab.kube.controllers.loop import MANAGER, Request
from lab.kube.group_resources import SECRETS, SERVICE_ACCOUNTS
from lab.kube.identity.tokens import SECRET_ACCOUNT, SECRET_TYPE, ServiceAccountTokens
from lab.kube.objects import Object, clone
from lab.kube.store import WatchEvent
from lab.kube.writing.controller_client import ControllerClient

ACCOUNT_UID = "kubernetes.io/service-account.uid"

LIFETIME_S = 10 * 365 * 24 * 3600
"""The lifetime of such tokens, which do not expire in Kubernetes: longer than any lab runs."""


class AccountSecrets:
    """Reconciles accounts: `name` is that of a ServiceAccount. With `for_all` every one gets a Secret."""

    name = "service-account-token"
    watches = (SERVICE_ACCOUNTS, SECRETS)

    def __init__(
        self,
        objects: ControllerClient,
        tokens: ServiceAccountTokens,
        ca_certificate: str,
        *,
        for_all: bool = False,
    ) -> None:
        self._objects = objects
        self._tokens = tokens
        self._ca_certificate = ca_certificate
        self._for_all = for_all

    def affected(self, event: WatchEvent) -> Iterable[Request]:
        metadata = event.object["metadata"]
        if event.key == SERVICE_ACCOUNTS:
            yield Request(metadata["namespace"], metadata["name"])
        elif account := _account_of(event.object):
            yield Request(metadata["namespace"], account)

    async def reconcile(self, request: Request) -> float | None:
        store = self._objects.store
        account = store.get(SERVICE_ACCOUNTS, *request)
        in_namespace = store.list(SECRETS, request.namespace)
        secrets = [each for each in in_namespace if _account_of(each) == request.name]
        for secret in secrets:
            uid = secret["metadata"]["annotations"].get(ACCOUNT_UID)
            if account is None or uid not in (None, account["metadata"]["uid"]):
                await self._objects.delete(SECRETS, request.namespace, secret["metadata"]["name"])
            else:
                await self._fill(secret, account)
        if account is not None and self._for_all:
            await self._provide(account, {secret["metadata"]["name"] for secret in secrets})
        return None

    async def _fill(self, secret: Object, account: Object) -> None:
        data: Mapping[str, str] = secret.get("data") or {}
        missing = [name for name in ("ca.crt", "namespace", "token") if name not in data]
        annotations = secret["metadata"]["annotations"]
        if not missing and ACCOUNT_UID in annotations:
            return
        filled = clone(secret)
        filled["metadata"]["annotations"][ACCOUNT_UID] = account["metadata"]["uid"]
        token, _ = self._tokens.issue(account, lifetime=LIFETIME_S, bound=secret)
        content = {
            "ca.crt": self._ca_certificate,
            "namespace": account["metadata"]["namespace"],
            "token": token,
        }
        encoded = {name: base64.b64encode(content[name].encode()).decode() for name in missing}
        filled["data"] = {**data, **encoded}
        await self._objects.update(SECRETS, filled, manager=MANAGER)

    async def _provide(self, account: Object, existing: set[str]) -> None:
        """Makes the account's own Secret, if it refers to none; what has gone is no longer referred to."""
        metadata, store = account["metadata"], self._objects.store
        references = [
            each
            for each in account.get("secrets") or ()
            if store.get(SECRETS, metadata["namespace"], each.get("name", "")) is not None
        ]
        if any(each["name"] in existing for each in references):
            return
        secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": SECRET_TYPE,
            "metadata": {
                "generateName": f"{metadata['name']}-token-",
                "namespace": metadata["namespace"],
                "annotations": {SECRET_ACCOUNT: metadata["name"], ACCOUNT_UID: metadata["uid"]},
            },
        }
        created = await self._objects.create(SECRETS, secret, manager=MANAGER)
        await self._fill(created, account)
        changed = clone(account)
        changed["secrets"] = [*references, {"name": created["metadata"]["name"]}]
        await self._objects.update(SERVICE_ACCOUNTS, changed, manager=MANAGER)


def _account_of(secret: Object) -> str | None:
    """The account whose token a Secret is for; None: it is for something else."""
    if secret.get("type") != SECRET_TYPE:
        return None
    name: str | None = (secret["metadata"].get("annotations") or {}).get(SECRET_ACCOUNT)
    return name
