"""Tokens that are kept in Secrets: what the controller writes, against the real store and write pipeline."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lab.kube.controllers.account_secrets import AccountSecrets
from lab.kube.controllers.loop import run
from lab.kube.errors import ApiError
from lab.kube.group_resources import NAMESPACES, SECRETS, SERVICE_ACCOUNTS
from lab.kube.identity.tokens import InvalidToken, ServiceAccountTokens
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object, clone
from lab.kube.store import Store
from lab.kube.writing.controller_client import ControllerClient
from lab.kube.writing.writes import Writes

TYPE = "kubernetes.io/service-account-token"
ACCOUNT = "kubernetes.io/service-account.name"


class Cluster(Writes):
    """One namespace, and the controller."""

    def __init__(self) -> None:
        super().__init__(Store(), Scheme())
        self.tokens = ServiceAccountTokens(ec.generate_private_key(ec.SECP256R1()), self.store)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}
        self.create(NAMESPACES, namespace, manager="test")

    def account(self, name: str = "robot") -> Object:
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": "foo"},
        }
        return self.create(SERVICE_ACCOUNTS, account, manager="test")

    def secret(self, name: str, account: str = "robot", **more: object) -> Object:
        metadata = {"name": name, "namespace": "foo", "annotations": {ACCOUNT: account}}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE, **more}
        return self.create(SECRETS, secret, manager="test")

    def names(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.store.list(SECRETS, "foo")]

    def content(self, name: str) -> dict[str, str]:
        secret = self.store.get(SECRETS, "foo", name)
        assert secret
        return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1_000):
            if condition():
                return
            await asyncio.sleep(0)
        pytest.fail(f"in vain; there are {self.names()}")


@asynccontextmanager
async def following(*, for_all: bool) -> AsyncIterator[Cluster]:
    cluster = Cluster()
    controller = AccountSecrets(
        ControllerClient(cluster, "tokens-controller"), cluster.tokens, "PEM", for_all=for_all
    )
    running = asyncio.create_task(run(controller, cluster.store, lambda: False))
    yield cluster
    assert not running.done()
    running.cancel()


async def test_a_secret_made_by_hand_is_filled_in() -> None:
    async with following(for_all=False) as cluster:
        account = cluster.account()
        cluster.secret("mine", data={"namespace": base64.b64encode(b"kept").decode()})
        await cluster.until(lambda: "token" in cluster.content("mine"))
        content = cluster.content("mine")
        assert (content["ca.crt"], content["namespace"]) == ("PEM", "kept")
        assert cluster.tokens.verify(content["token"]).uid == account["metadata"]["uid"]
        assert cluster.names() == ["mine"]
        cluster.delete(SECRETS, "foo", "mine")
        with pytest.raises(InvalidToken, match="secret mine has been deleted"):
            cluster.tokens.verify(content["token"])


async def test_a_secret_goes_with_its_account() -> None:
    async with following(for_all=False) as cluster:
        cluster.account()
        cluster.secret("mine")
        opaque: Any = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "other", "namespace": "foo"},
        }
        opaque["metadata"]["annotations"] = {ACCOUNT: "robot"}
        cluster.create(SECRETS, opaque, manager="test")
        await cluster.until(lambda: "token" in cluster.content("mine"))
        cluster.delete(SERVICE_ACCOUNTS, "foo", "robot")
        await cluster.until(lambda: cluster.names() == ["other"])


async def test_a_secret_of_an_earlier_account_of_that_name_goes() -> None:
    async with following(for_all=False) as cluster:
        cluster.account()
        cluster.secret("mine")
        await cluster.until(lambda: "token" in cluster.content("mine"))
        # Before the controller has a chance to look.
        cluster.delete(SERVICE_ACCOUNTS, "foo", "robot")
        cluster.account()
        await cluster.until(lambda: cluster.names() == [])


async def test_every_account_can_have_one() -> None:
    async with following(for_all=True) as cluster:
        cluster.account()
        await cluster.until(lambda: bool(cluster.names()))
        [name] = cluster.names()
        assert name.startswith("robot-token-")
        assert cluster.content(name).keys() == {"ca.crt", "namespace", "token"}
        account = cluster.store.get(SERVICE_ACCOUNTS, "foo", "robot")
        assert account
        assert account["secrets"] == [{"name": name}]


async def test_an_accounts_own_secret_is_replaced_and_others_are_left_alone() -> None:
    async with following(for_all=True) as cluster:
        cluster.account()
        await cluster.until(lambda: bool(cluster.names()))
        [first] = cluster.names()
        cluster.secret("mine")
        account = cluster.store.get(SERVICE_ACCOUNTS, "foo", "robot")
        assert account
        changed = clone(account)
        changed["secrets"] = [{"name": "mine-too"}, *account["secrets"]]
        opaque = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine-too", "namespace": "foo"}}
        cluster.create(SECRETS, opaque, manager="test")
        cluster.update(SERVICE_ACCOUNTS, changed, manager="test")
        cluster.delete(SECRETS, "foo", first)
        await cluster.until(lambda: len(cluster.names()) == 3)
        [second] = set(cluster.names()) - {"mine", "mine-too"}
        assert second != first
        account = cluster.store.get(SERVICE_ACCOUNTS, "foo", "robot")
        assert account
        assert account["secrets"] == [{"name": "mine-too"}, {"name": second}]


def test_a_secret_of_that_type_must_name_an_account() -> None:
    with pytest.raises(ApiError, match=r"metadata\.annotations\[kubernetes\.io/service-account\.name\]"):
        Cluster().secret("mine", account="")
