"""The messages between the supervisor and process 1, as JSON (see lab.node.processes.pid1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


class BindMount(TypedDict):
    """A mounts.Bind."""

    source: str
    target: str
    writable: bool
    optional: bool


class View(TypedDict):
    """A mounts.View."""

    binds: list[BindMount]
    files: str | None
    root: str | None
    directory: str
    read_only: bool


class User(TypedDict):
    """A users.User."""

    uid: int
    gid: int
    groups: Sequence[int]


class StartRequest(TypedDict):
    """A program, as it comes in a memory file; `descriptors` are names of those that come with it."""

    argv: list[str]
    environment: dict[str, str]
    capabilities: Sequence[str] | None
    view: View
    user: User | None
    contained: bool
    terminal: bool
    group_ends: bool
    descriptors: list[str]


class Start(TypedDict):
    op: Literal["start"]
    id: int


class Signal(TypedDict):
    op: Literal["signal"]
    id: int
    signal: int
    group: bool


class Failure(TypedDict):
    """Why a program could not be started, and at which stage."""

    stage: str
    errno: int | None
    strerror: str
    filename: str


class Told(TypedDict):
    """What happened to a program: it has started, could not be started, or has ended."""

    id: int
    pid: NotRequired[int]
    failed: NotRequired[Failure]
    code: NotRequired[int]
