"""Whether there are webhooks at all; what calls them is loaded only then."""

from __future__ import annotations

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
    from lab.kube.webhooks.attributes import Attributes, Completed
    from lab.kube.webhooks.dispatcher import Dispatcher


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

    async def mutated(self, asked: Attributes, completed: Completed) -> Object | None:
        """The object as the mutating webhooks want it; None when they leave it alone. Raises ApiError."""
        return await self._dispatcher.mutated(asked, completed)

    async def validate(self, asked: Attributes) -> None:
        """Raises the ApiError of the first webhook, in their order, that does not allow it."""
        await self._dispatcher.validate(asked)

    @cached_property
    def _dispatcher(self) -> Dispatcher:
        from lab.kube.webhooks.dispatcher import Dispatcher

        return Dispatcher(self._store, self._scheme)
