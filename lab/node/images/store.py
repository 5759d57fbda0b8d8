"""The lab's images: programs of this machine, and folders."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab.node.images import programs
from lab.node.images.programs import ContainerCommand, Launch
from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage

if TYPE_CHECKING:
    from lab.node.images.folders import ImageFolder


class NoSuchImage(Exception):
    """No image has this name; `str` lists the known ones."""


@dataclass(frozen=True)
class ImageStore:
    """The images of one lab. If two have the same name, that of the earlier directory is used."""

    directories: Sequence[Path] = ()
    _held: dict[Path, int] = field(default_factory=dict, compare=False)
    """Descriptors of the folders that were found."""

    def find(self, image: str) -> Callable[[ContainerCommand], Launch]:
        """What a container of an image runs. Raises NoSuchImage, BadImage.

        Programs of this machine come first: what the suites stand on is the same for everybody.
        """
        if (program := programs.find(image)) is not None:
            return program
        return partial(programs.from_folder, self.folder(image))

    def folder(self, image: str) -> ImageFolder:
        """Raises NoSuchImage, BadImage."""
        from lab.node.images import folders

        wanted = Reference.parse(image)
        every, bad = self._readable()
        found = [each for each in every if _names(each, wanted)]
        if not found and bad:
            raise bad[0]
        if not found:
            known = [*programs.KNOWN, *sorted({str(name) for each in every for name in each.names})]
            raise NoSuchImage(
                f"the lab has no registry, it knows only these images: {', '.join(known)}"
                " (python -m lab images load|pull adds others)"
            )
        # A name with a tag says more than one without.
        found.sort(key=lambda each: not any(name.tag for name in _names(each, wanted)))
        best = found[0]
        self._hold(best.folder)
        if best.architecture not in ("", folders.machine()):
            raise BadImage(f"the image is for {best.architecture}, this machine is {folders.machine()}")
        return best

    def _hold(self, folder: Path) -> None:
        """Until this process ends what containers see is not removed, also when another takes its name."""
        held = self._held.get(folder)
        try:
            if held is None or not os.path.samestat(os.fstat(held), folder.stat()):
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(fd, fcntl.LOCK_SH)
                self._held[folder] = fd  # the one before stays open: its containers may still run
        except OSError as error:
            raise BadImage(f"{folder}: {error.strerror}") from error

    def folders(self) -> list[ImageFolder]:
        """All images that are folders. Raises BadImage."""
        every, bad = self._readable()
        if bad:
            raise bad[0]
        return every

    def _readable(self) -> tuple[list[ImageFolder], list[BadImage]]:
        """The valid images, and what is wrong with the others, which are ignored."""
        # Few labs have such images: the others start the sooner without this.
        from lab.node.images import folders

        every: list[ImageFolder] = []
        bad: list[BadImage] = []
        for folder in folders.folders(self.directories):
            try:
                every.append(folders.read(folder))
            except BadImage as problem:
                bad.append(problem)
        return every, bad


def _names(image: ImageFolder, wanted: Reference) -> list[Reference]:
    return [name for name in image.names if name.stands_for(wanted, image.digest)]
