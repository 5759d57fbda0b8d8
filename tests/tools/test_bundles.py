"""Which bundle a run takes, and what is kept for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import bundles


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MYMESH", raising=False)


def made(version: str) -> Path:
    bundle = bundles.home() / "mymesh" / version
    bundle.mkdir(parents=True)
    bundles.write(bundle, "mymesh", version, "c0ffee")
    return bundle


def test_the_one_that_was_chosen_last_is_taken() -> None:
    one, two = made("1.0"), made("2.0")
    bundles.choose(one)
    bundles.choose(two)
    assert bundles.find("mymesh") == two
    bundles.choose(one)
    assert bundles.find("mymesh") == one
    assert sorted(path.name for path in one.parent.iterdir()) == [".chosen", "1.0", "2.0"]


def test_a_variable_names_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = made("1.0"), made("2.0")
    bundles.choose(two)
    monkeypatch.setenv("MYMESH", "1.0")
    assert bundles.find("mymesh") == one


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        ("", r"^mymesh is not there for the lab \(looked in .*/images/mymesh\)$"),
        ("3.0", r"^mymesh 3\.0 is not there for the lab \(looked in .*/images/mymesh\)$"),
        ("../1.0", r"^MYMESH=\.\./1\.0 is no version$"),
        ("half", r"^mymesh half is not there for the lab"),
    ],
)
def test_one_that_is_not_there_whole_is_named(
    version: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("1.0")
    (bundles.home() / "mymesh" / "half").mkdir()
    monkeypatch.setenv("MYMESH", version)
    with pytest.raises(bundles.NoBundle, match=complaint):
        bundles.find("mymesh")


def test_one_of_a_former_format_is_none() -> None:
    bundle = made("1.0")
    text = (bundle / bundles.MADE).read_text()
    (bundle / bundles.MADE).write_text(text.replace(f"format: {bundles.FORMAT}", "format: 0"))
    assert not bundles.is_whole(bundle)


def test_it_is_in_use_as_long_as_a_run_goes_on() -> None:
    bundle = made("1.0")
    assert not bundles.is_in_use(bundle)
    with bundles.in_use(bundle), bundles.in_use(bundle):
        assert bundles.is_in_use(bundle)
    assert not bundles.is_in_use(bundle)


def test_it_says_what_is_in_it() -> None:
    assert bundles.described(made("1.0")) == "mymesh 1.0, commit c0ffee"
