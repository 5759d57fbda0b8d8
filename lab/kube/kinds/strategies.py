"""Strategies: what is special about writing objects of one kind, after those of a real API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from lab.kube.errors import Cause
from lab.kube.identity.auth import User
from lab.kube.objects import GroupResource, Json, Object, clone
from lab.kube.store import Store


class ServedKinds(Protocol):
    """The served kinds, as strategies use them."""

    @property
    def cel_rules(self) -> Mapping[str, Callable[[Json], bool]]:
        """Rules of CustomResourceDefinitions that are known by their text."""

    @property
    def node_port_is_free(self) -> Callable[[int], bool]:
        """Whether the node could open a port now."""

    def definition_of(self, key: GroupResource) -> str | None:
        """The CustomResourceDefinition that adds a collection: "" for a built-in one, None for none."""

    def install(self, crd: Object) -> None:
        """Serves what a definition declares."""

    def uninstall(self, crd: Object) -> None:
        """Serves it no longer."""


class Server(NamedTuple):
    """What a strategy may use besides the object."""

    store: Store
    kinds: ServedKinds


def _nothing(*_: object) -> None:
    """Most kinds need nothing special."""


def _no_causes(*_: object) -> list[Cause]:
    return []


def _no_warnings(*_: object) -> list[str]:
    return []


def _no_grace(*_: object) -> int:
    return 0


class Strategy(NamedTuple):
    """The hooks, in the order in which a write calls them; "old" is None on creation."""

    defaults: Callable[[Object], None] = _nothing
    """Fills in what the writer has left out, on every write, in place."""
    prepare_for_create: Callable[[Object, User], None] = _nothing
    """Sets, in place, what only the server says of a new object."""
    prepare_for_update: Callable[[Object, Object], None] = _nothing
    """Puts back into the new object, in place, what an update of the old one leaves alone."""
    keeps_status: bool = False
    """The status that a new object is written with stands."""
    complete: bool = False
    """`validate` has words of its own for what the schema requires, which is not looked at before it then."""
    validate: Callable[[Object, Object | None], list[Cause]] = _no_causes
    validate_on: Callable[[Object, Object | None, Server], list[Cause]] = _no_causes
    """Of what validates only by what the server knows besides."""
    allocate: Callable[[Object, Object | None, Server], list[str]] = _no_warnings
    """Last before storing, so that nothing comes between; returns warnings. May raise ApiError."""
    after_write: Callable[[Object, Server], None] = _nothing
    before_removal: Callable[[Object, Server], None] = _nothing

    grace_period: Callable[[Object, int | None], int] = _no_grace
    """Seconds that a deletion waits for the object to end, given those of the request."""
    protected: tuple[str, ...] = ()
    """The names of objects that a cluster cannot be without."""
    terminates: bool = False
    """A deleted object is in the phase Terminating until the finalizers in its spec are gone, too."""
    returns_deleted: bool = False
    """Deletion is answered with the object, not with a Status."""


DEFAULT_STRATEGY = Strategy()


def keep_spec(new: Object, old: Object) -> None:
    """For `prepare_for_update`: the spec never changes."""
    new["spec"] = clone(old.get("spec") or {})
