"""Wrong meshes made of an installed one: their files, what is expected of each, and the published table."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.faults.registry import SECTIONS
from tests.labs import ROOT
from tests.programs import ran
from tools import wrong_meshes
from tools.fault_expectations import file_of, load
from tools.fault_runs import of_mesh
from tools.faults import main
from tools.wrong_meshes import BadWrongMesh, WrongMesh

FOLDER = ROOT / "meshes" / "istio-faults"
GOOD = "section: Setup\nsentence: It is wrong.\nset: {a.b: 1}\napply: [{kind: EnvoyFilter}]\n"


def test_a_file_is_a_wrong_mesh_called_after_it(tmp_path: Path) -> None:
    (tmp_path / "it-is-wrong.yaml").write_text(GOOD)
    wanted = WrongMesh("it-is-wrong", "Setup", "It is wrong.", {"a.b": "1"}, ({"kind": "EnvoyFilter"},))
    assert wrong_meshes.known(tmp_path) == [wanted]
    assert wrong_meshes.find(tmp_path, "it-is-wrong") == wanted


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "cannot be read: "),
        ("- a", "a section, a sentence, and set or apply are wanted, and nothing else"),
        (GOOD.replace("sentence", "sentance"), "a section, a sentence, and set or apply are wanted"),
        (GOOD.replace("{a.b: 1}", "a.b=1"), "a section, a sentence, and set or apply are wanted"),
        ("section: Setup\nsentence: It is wrong.\n", "a section, a sentence, and set or apply are wanted"),
    ],
)
def test_a_bad_file_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadWrongMesh) as refused:
        wrong_meshes.known(tmp_path)
    assert str(refused.value).startswith(f"{path}: {complaint}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "xfcc-droped",
            'unknown fault "xfcc-droped"; did you mean "xfcc-dropped"?',
        ),
        ("../istio", 'unknown fault "../istio"; there are access-rules-off, '),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(BadWrongMesh) as refused:
        wrong_meshes.find(FOLDER, name)
    assert str(refused.value).startswith(complaint)


def test_each_has_an_expectation_and_a_section_of_the_document() -> None:
    faults = of_mesh("istio", [])
    assert [fault.name for fault in faults] == list(load(file_of("istio")))
    sections = list(dict.fromkeys(fault.section for fault in faults))
    assert sections == [section for section in SECTIONS["current"] if section in sections]
    assert len(faults) >= 8
    assert {fault.section for fault in faults} <= set(SECTIONS["current"])
    assert all(expected.caught and expected.says for expected in load(file_of("istio")).values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--mesh", "istio", "nonsense"], 'faults: unknown fault "nonsense"; there are access-rules-off, '),
        (
            ["--mesh", "istio-ambient"],
            "faults: there are no wrong meshes made of istio-ambient (lab.faults of ",
        ),
        (["--mesh", "nonsense"], "faults: there are no wrong meshes made of nonsense (lab.faults of "),
    ],
)
def test_what_is_not_there_is_wrong_usage(arguments: list[str], complaint: str) -> None:
    done = ran(main, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


def test_the_published_table_has_every_fault_and_nothing_is_wrong_in_it() -> None:
    page = (ROOT / "docs" / "faults-istio.md").read_text()
    assert "Unexpected results" not in page
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert listed == [fault.name for fault in of_mesh("istio", [])]
