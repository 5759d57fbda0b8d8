from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.host import identities, preconditions


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An ordinary user for whom all is there. The directory has the files with the ranges."""
    for name in ("subuid", "subgid"):
        (tmp_path / name).write_text("other:100000:65536\nsomebody:165536:65536\n")
    monkeypatch.setattr(identities, "_RANGES", (str(tmp_path / "subuid"), str(tmp_path / "subgid")))
    monkeypatch.setattr(identities, "_name", lambda: "somebody")
    monkeypatch.setattr(identities, "_version_of_unshare", lambda: (2, 38))
    monkeypatch.setattr(preconditions, "privileged", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/usr/bin/{program}")
    return tmp_path


def test_an_ordinary_user_with_a_range_has_all_users(ordinary: Path) -> None:
    assert identities.only_root() == ""
    assert identities.user_namespace() == ["--user", "--map-root-user", "--map-auto"]


@pytest.mark.parametrize("content", ["", "other:100000:65536\n", "somebody:100000:100\n", "somebody:x:y\n"])
def test_without_a_range_one_line_says_how_to_get_it(ordinary: Path, content: str) -> None:
    (ordinary / "subgid").write_text(content)
    assert identities.only_root() == (
        f"{ordinary}/subgid gives somebody no range of 10000 ids: "
        "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 somebody"
    )
    assert identities.user_namespace() == ["--user", "--map-root-user"]
    (ordinary / "subgid").unlink()
    assert "no range" in identities.only_root()


def test_without_the_programs_one_line_says_what_to_install(
    ordinary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: None)
    assert identities.only_root() == "newuidmap is missing: apt-get install uidmap"


def test_an_old_unshare_maps_no_ranges(ordinary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "_version_of_unshare", lambda: (2, 37))
    assert identities.only_root() == "unshare is older than util-linux 2.38 and maps no ranges of ids"


def test_root_needs_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preconditions, "privileged", lambda: True)
    assert (identities.only_root(), identities.user_namespace()) == ("", [])


def test_the_version_of_unshare_is_read() -> None:
    assert identities._version_of_unshare() >= (2, 20)
