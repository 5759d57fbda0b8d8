"""Whether there are webhooks at all: where there are none, nothing is loaded of what it takes to ask them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lab.kube.group_resources import (
    MUTATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object
from lab.kube.store import Store

if TYPE_CHECKING:
    from lab.kube.webhooks.asked import Asked
    from lab.kube.webhooks.asking import Asking

Completed = Callable[[Object], Object]
"""What the API server itself makes of an object that a webhook has changed: its defaults, say."""


class Webhooks:
    """The webhooks that the objects of a store declare."""

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self._store = store
        self._scheme = scheme

    @property
    def any(self) -> bool:
        """Whether there is one at all, or a policy: writes wait for nobody otherwise."""
        return any(
            map(
                self._store.list,
                (
                    MUTATING_WEBHOOK_CONFIGURATIONS,
                    VALIDATING_WEBHOOK_CONFIGURATIONS,
                    VALIDATING_ADMISSION_POLICY_BINDINGS,
                ),
            )
        )

    async def mutated(self, asked: Asked, completed: Completed) -> Object | None:
        """The object as the mutating webhooks want it; None when they leave it alone. Raises ApiError."""
        return await self._asking.mutated(asked, completed)

    async def validate(self, asked: Asked) -> None:
        """Raises the ApiError of the first webhook, in their order, that does not allow it."""
        await self._asking.validate(asked)

    @cached_property
    def _asking(self) -> Asking:
        from lab.kube.webhooks.asking import Asking

        return Asking(self._store, self._scheme)
