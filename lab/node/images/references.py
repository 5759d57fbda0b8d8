"""Names of container images, as pods write them: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

DEFAULT_TAG = "latest"

# Not compiled here: a lab seldom needs them, and starts the sooner.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_PART}(?:/{_PART})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"


@dataclass(frozen=True)
class Reference:
    """An image's name without its registry, of which the lab has none."""

    repository: str
    tag: str = ""
    digest: str = ""
    """`sha256:…`"""

    @classmethod
    def parse(cls, image: str) -> Reference:
        """`kong/httpbin` with tag `1` of `docker.io/kong/httpbin:1@…`. Never fails: see `valid`."""
        name, _, digest = image.partition("@")
        path, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(_without_registry(path + slash + last), tag, digest)

    @property
    def valid(self) -> bool:
        """Whether a container engine would accept it."""
        return bool(
            re.fullmatch(_REPOSITORY, self.repository) and (not self.tag or re.fullmatch(_TAG, self.tag))
        )

    def stands_for(self, wanted: Reference, digest: str = "") -> bool:
        """Whether an image of this name is the one that a pod wants; `digest` is the image's, if it has one.

        A name without a tag stands for all of them, unless the image has a digest.
        """
        if self.repository != wanted.repository or (digest and wanted.digest and digest != wanted.digest):
            return False
        if digest and not self.tag:
            return wanted.digest == digest  # it was got by its digest, and is called by no other name
        if wanted.digest and not wanted.tag:
            return bool(digest) or not self.tag
        return not self.tag or self.tag == wanted.tagged().tag

    def tagged(self) -> Reference:
        """With a tag: `latest` if it has none."""
        return self if self.tag else replace(self, tag=DEFAULT_TAG)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


def _without_registry(name: str) -> str:
    first, slash, rest = name.partition("/")
    # As container engines tell a registry from a user name.
    if slash and (first == "localhost" or "." in first or ":" in first):
        name = rest
    # What Docker Hub puts before the images that belong to nobody.
    return name.removeprefix("library/")
