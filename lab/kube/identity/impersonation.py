"""Impersonation (`kubectl --as`), by the Impersonate headers of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from lab.kube.errors import bad_request, forbidden
from lab.kube.identity.auth import ANONYMOUS, User
from lab.kube.objects import GroupResource

_USER, _GROUP, _UID = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid"
_EXTRA = "impersonate-extra-"
_ACCOUNT = "system:serviceaccount:"


def acting(user: User, headers: Mapping[str, str], groups: Sequence[str]) -> User:
    """The user as whom a request acts: `user` itself, unless its headers name another one.

    `groups` are the values of the header Impersonate-Group. Raises ApiError: 403 for the anonymous user, 400
    for what goes with no name.
    """
    name = headers.get(_USER, "")
    extra = {
        unquote(key[len(_EXTRA) :]).lower(): [value]
        for key, value in headers.items()
        if key.lower().startswith(_EXTRA)
    }
    if not name:
        if groups or extra or headers.get(_UID):
            raise bad_request("requested a group, uid or extra without impersonating a user")
        return user
    if user.anonymous:
        why = f'User "{user.name}" cannot impersonate resource "users" in API group "" at the cluster scope'
        raise forbidden(GroupResource("", "users"), name, why)
    if name == ANONYMOUS.name:
        return ANONYMOUS
    return User(name, _groups(name, tuple(groups)), headers.get(_UID, ""), extra)


def _groups(name: str, asked: tuple[str, ...]) -> tuple[str, ...]:
    found = asked
    if not found and name.startswith(_ACCOUNT) and name.count(":") == 3:
        namespace = name.split(":")[2]
        found = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    known = "system:authenticated"
    return found if known in found else (*found, known)
