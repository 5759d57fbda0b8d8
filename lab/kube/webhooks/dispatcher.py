"""Calls the admission webhooks: mutating ones one after the other, validating ones in parallel."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable

from lab.kube.errors import ApiError
from lab.kube.kinds.resources import Resource
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import Object, clone
from lab.kube.store import Store
from lab.kube.webhooks import conditions, policies
from lab.kube.webhooks.admission_review import Answer, BadAnswer, question, read, refusal
from lab.kube.webhooks.attributes import Attributes, Completed
from lab.kube.webhooks.matching import (
    MUTATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    Webhook,
    is_exempt,
    is_selected,
    version_asked,
    webhooks,
)
from lab.kube.webhooks.webhook_client import CallFailed, post

log = logging.getLogger(__name__)


class Dispatcher:
    """Calls the webhooks that the objects of a store configure."""

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self._store = store
        self._scheme = scheme

    async def mutated(self, asked: Attributes, completed: Completed) -> Object | None:
        """The object as the mutating webhooks want it; None when they leave it alone. Raises ApiError."""
        hooks = [] if is_exempt(asked.resource) else webhooks(self._store, MUTATING_WEBHOOK_CONFIGURATIONS)
        if not hooks:
            return None
        first = _Round(set(), set())
        changed = await self._ask_in_turn(hooks, asked, first)
        if changed is None:
            return None
        obj = completed(clone(changed))
        again = first.due if obj == changed else first.due | first.reinvocable
        # Once more, and no oftener: whom a later change may concern.
        hooks = [hook for hook in hooks if hook.place in again]
        changed = await self._ask_in_turn(hooks, asked.about(obj), _Round(set(), set()))
        return obj if changed is None else completed(changed)

    async def _ask_in_turn(self, hooks: Iterable[Webhook], asked: Attributes, state: _Round) -> Object | None:
        changed: Object | None = None
        for hook in hooks:
            wanted = self._wanted(hook, asked)
            if wanted is None:
                continue
            theirs = asked.in_version(wanted)
            answer = await self._ask(hook, theirs, asked, mutating=True)
            if answer is not None and answer.patch:
                obj = _patched(hook, theirs.object, answer.patch)
                if theirs is not asked:
                    obj = {**obj, "apiVersion": asked.resource.api_version}
                if obj != asked.object:
                    changed = obj
                    asked = asked.about(obj)
                    state.due |= state.reinvocable
                    state.reinvocable.clear()
            if hook.reinvocable:
                state.reinvocable.add(hook.place)
        return changed

    async def validate(self, asked: Attributes) -> None:
        """Raises the ApiError of the first policy, else webhook, in their order, that does not allow it."""
        if is_exempt(asked.resource):
            return
        policies.check(asked, self._store, self._scheme)
        hooks = webhooks(self._store, VALIDATING_WEBHOOK_CONFIGURATIONS)
        concerned = [(hook, wanted) for hook in hooks if (wanted := self._wanted(hook, asked)) is not None]
        calls = (
            self._ask(hook, asked.in_version(wanted), asked, mutating=False) for hook, wanted in concerned
        )
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _wanted(self, hook: Webhook, asked: Attributes) -> Resource | None:
        """In which version a webhook is to be asked, if it is."""
        wanted = version_asked(hook, asked, self._scheme)
        return wanted if wanted is not None and is_selected(hook, asked, self._store) else None

    async def _ask(
        self, hook: Webhook, theirs: Attributes, asked: Attributes, *, mutating: bool
    ) -> Answer | None:
        """The answer of one that allows it; None when it is not asked after all, or may fail and does."""
        review = question(hook.declared, theirs, asked, str(uuid.uuid4()))
        known = conditions.variables(review["request"])
        if not conditions.hold(hook.declared, f'webhook "{hook.name}"', theirs, known):
            return None
        try:
            answer = read(await post(hook.declared, review, self._store), review, mutating=mutating)
        except (CallFailed, BadAnswer) as error:
            why = f"failed to call webhook: {error}" if isinstance(error, CallFailed) else str(error)
            message = f'failed calling webhook "{hook.name}": {why}'
            ignored = hook.declared.get("failurePolicy") == "Ignore"
            log.warning("%s, failing %s", message, "open" if ignored else "closed")
            if ignored:
                return None
            raise _internal(message) from None
        asked.warnings.extend(answer.warnings)
        if not answer.allowed:
            raise refusal(hook.name, answer.status)
        return answer


class _Round:
    """Who has been asked and may be asked again, and who has to be, because of a change after its turn."""

    def __init__(self, reinvocable: set[tuple[str, int]], due: set[tuple[str, int]]) -> None:
        self.reinvocable = reinvocable
        self.due = due


def _patched(hook: Webhook, obj: Object | None, patch: list[Object]) -> Object:
    import jsonpatch

    if obj is None:
        raise _internal(
            f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this'
            " operation"
        )
    try:
        changed = jsonpatch.apply_patch(obj, patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
        text = " ".join(str(error).split())
        raise _internal(f'the patch of admission webhook "{hook.name}" does not apply: {text}') from None
    if not isinstance(changed, dict):
        raise _internal(f'the patch of admission webhook "{hook.name}" leaves no object')
    return changed


def _internal(message: str) -> ApiError:
    details = {"causes": [{"message": message}]}
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", details=details)
