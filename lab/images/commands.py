"""`python -m lab images`: lists images; `check` says if pods can use them; `load` and `pull` add some."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from lab.host import identities
from lab.node.images import search_path
from lab.node.images.search_path import BadImage

if TYPE_CHECKING:
    from lab.node.images.folders import ImageFolder

NOT_TO_BE_HAD = 2
"""The exit code if pods cannot use an image."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the lab's."""
    images = commands.add_parser("images", help="list the images for pods, or add others")
    images.set_defaults(run=_list)
    actions = images.add_subparsers(metavar="check|load|pull")
    check = actions.add_parser("check", help="check whether pods can use these images here, and say why not")
    check.add_argument("names", nargs="+", metavar="NAME", help="image name; without a tag, any tag")
    check.set_defaults(run=_check)
    load = actions.add_parser("load", help="add the images in an archive (docker save, skopeo copy)")
    load.add_argument("file", type=Path, metavar="FILE", help="an archive, or a directory in OCI layout")
    load.add_argument("--name", metavar="NAME", help="name for its image (default: the name in the archive)")
    load.set_defaults(run=_load)
    pull = actions.add_parser("pull", help="add an image from a registry")
    pull.add_argument("name", metavar="NAME", help="such as docker.io/istio/pilot:1.30.3")
    pull.set_defaults(run=_pull)


def _list(_options: argparse.Namespace) -> int:
    from lab.node.images import programs

    rows = [(name, "a program of this machine") for name in programs.KNOWN]
    found, bad = _folders()
    rows += [(str(name), str(image.folder)) for image in found for name in image.names]
    sys.stdout.write(_table([("IMAGE", "WHERE"), *rows]))
    for line in bad:
        sys.stderr.write(f"lab: {line}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    problems = [problem for name in options.names if (problem := _problem(name))]
    for line in problems:
        sys.stderr.write(f"lab: {line}\n")
    return NOT_TO_BE_HAD if problems else 0


def _problem(wanted: str) -> str:
    """Why pods cannot use an image here; "" if they can."""
    from lab.node.images import programs

    if wanted in programs.KNOWN:
        return ""
    found, _ = _folders()
    names = {text: image for image in found for name in image.names for text in _texts(str(name))}
    if wanted not in names:
        return f"the lab has no image {wanted}"
    user = names[wanted].user
    if user and user.uid and (why := identities.only_root()):
        return f"the image {wanted} runs as user {user.uid}, and pods can only run as root here: {why}"
    return ""


def _texts(name: str) -> tuple[str, str]:
    """With and without its tag."""
    before, _, last = name.rpartition("/")
    return name, f"{before}/{last.partition(':')[0]}" if before else last.partition(":")[0]


def _folders() -> tuple[list[ImageFolder], list[str]]:
    """The images that are folders, and what is wrong with those that are none."""
    from lab.node.images import folders

    found, bad = [], []
    directories = [directory for _, directory in search_path.asked_for(())]
    for folder in folders.folders([*directories, search_path.own()]):
        try:
            found.append(folders.read(folder))
        except BadImage as problem:
            bad.append(str(problem))
    return found, bad


def _load(options: argparse.Namespace) -> int:
    from lab.images import loading
    from lab.node.images.references import Reference

    names = [Reference.parse(options.name).tagged()] if options.name else []
    if names and not names[0].valid:
        raise BadImage(f'--name: "{options.name}" is not an image name')
    _end_properly()
    for image in loading.load(options.file, search_path.own(), names):
        _said(image.names, image.folder)
    return 0


def _pull(options: argparse.Namespace) -> int:
    from lab.images import loading

    _end_properly()
    image = loading.pull(options.name, search_path.own())
    _said(image.names, image.folder)
    return 0


def _said(names: Iterable[object], folder: Path) -> None:
    from lab.node.images import programs

    for name in map(str, names):
        sys.stderr.write(f"lab: {name} is there, in {folder}\n")
        if programs.find(name) is not None:
            sys.stderr.write(f"lab: pods keep using this machine's program for {name}\n")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


def _end_properly() -> None:
    """Exits when a signal asks for it, so that half-finished work is removed."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    os.umask(0o022)
