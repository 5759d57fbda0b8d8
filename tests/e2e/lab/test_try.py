"""Somebody's own policies in the lab, before they reach a cluster."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from fixtures.cli.__main__ import main
from fixtures.targets import stage
from tests.e2e.lab.conftest import ROOT

STRICT = """apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: foo}
spec: {mtls: {mode: STRICT}}
"""
ONLY_FROM_FOO = """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: only-from-foo, namespace: bar}
spec:
  selector: {matchLabels: {app: httpbin}}
  rules: [{from: [{source: {namespaces: [foo]}}]}]
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "strict.yaml").write_text(STRICT)
    (folder / "only-from-foo.yaml").write_text(ONLY_FROM_FOO)
    return folder


def tried(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fixtures.cli", "try", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_a_grid_what_is_seen_is_printed_once_nothing_changes_any_more(
    policies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a mesh whose policies take effect 0.4 s after they were applied, which is after the first look."""
    monkeypatch.setattr(stage, "lab_of", partial(stage.lab_of, faults=("converges-slowly",)))
    assert main(["try", str(policies)]) == 0
    first, *grid, last = capsys.readouterr().out.splitlines()
    assert first == f"2 objects of {policies} on reference"
    assert [line.split() for line in grid] == [
        ["foo", "another.foo", "foo:8001", "bar", "another.bar", "bar:8001", "legacy"],
        ["foo", "200", "200", "200", "200", "200", "200", "200"],
        ["bar", "200", "200", "200", "403", "200", "403", "200"],
        ["legacy", "000/56", "000/56", "000/56", "403", "200", "403", "200"],
    ]
    assert last.endswith(" s, with the lab")


def test_what_differs_from_the_grid_is_shown_and_so_is_what_was_right_only_at_first(policies: Path) -> None:
    """Everybody reaches everybody before the policies have come through; that is not taken for the answer."""
    grid = policies.parent / "expected.txt"
    grid.write_text("# as ever\n        foo  bar\nbar     200  200\nlegacy  200  200\n")
    done = tried(policies, "--grid", grid)
    assert done.returncode == 1, done.stdout
    assert "sleep.bar to httpbin.bar: 403 instead of 200" in done.stdout
    assert "    legacy  200  200    legacy  000/56!  403!" in done.stdout
    grid.write_text("        foo     bar\nbar     200     403\nlegacy  000/56  403\n")
    done = tried(policies, "--grid", grid)
    assert done.returncode == 0, done.stdout
    assert "as expected:" in done.stdout


def test_what_the_cluster_does_not_take_is_a_line_each_with_file_and_line(policies: Path) -> None:
    (policies / "strict.yaml").write_text(STRICT.replace("STRICT", "STRIKT"))
    (policies / "z.yaml").write_text(
        f"kind: EnvoyFilter\napiVersion: networking.istio.io/v1\nmetadata: {{name: x}}\n---\n"
        f"{STRICT.replace('foo', 'shop')}"
    )
    done = tried(policies)
    assert (done.returncode, done.stdout) == (4, "")
    refused, unknown, elsewhere = done.stderr.splitlines()
    assert refused.startswith(
        f"ERROR: {policies}/strict.yaml:1: PeerAuthentication foo/default was not accepted: "
    )
    assert 'Unsupported value: "STRIKT"' in refused
    assert unknown == (
        f"ERROR: {policies}/z.yaml:1: no matches for kind EnvoyFilter in version networking.istio.io/v1 "
        "in the mesh reference"
    )
    assert elsewhere == (
        f"ERROR: {policies}/z.yaml:5: PeerAuthentication in namespace shop, "
        "which is not in the playground (foo, bar, legacy, istio-system)"
    )


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "{}: there is no file that ends in .yaml, .yml, .json"),
        ({"a.txt": STRICT}, "{}: there is no file that ends in .yaml, .yml, .json"),
        ({"a.yaml": "# later\n---\n"}, "{}: there are no objects"),
        ({"a.yaml": "a: [1\n"}, "{}/a.yaml:2: not YAML: did not find expected ',' or ']'"),
        ({"a.yaml": "a: 1\n"}, "{}/a.yaml:1: an object without apiVersion"),
        (
            {"a.yaml": STRICT, "b.yaml": STRICT.replace("/v1", "/v1beta1")},
            "{0}/b.yaml:1: PeerAuthentication foo/default is also in {0}/a.yaml:1",
        ),
    ],
)
def test_a_folder_that_cannot_be_tried_is_refused_before_there_is_a_lab(
    tmp_path: Path, files: dict[str, str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert main(["try", str(tmp_path)]) == 4
    assert capsys.readouterr() == ("", f"ERROR: {complaint.format(tmp_path)}\n")


def test_a_file_that_is_not_there_or_is_no_text_is_said(
    policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = policies.parent / "expected.txt"
    assert main(["try", str(policies), "--grid", str(grid)]) == 4
    assert capsys.readouterr() == ("", f"ERROR: {grid}: No such file or directory\n")
    grid.write_bytes(b"\xff\xfe")
    assert main(["try", str(policies), "--grid", str(grid)]) == 4
    assert capsys.readouterr() == ("", f"ERROR: {grid}: not text\n")
    assert main(["try", str(policies / "none")]) == 4
    assert capsys.readouterr() == ("", f"ERROR: {policies}/none: there is no such file or folder\n")


@pytest.mark.parametrize(
    ("grid", "complaint"),
    [
        ("foo\nfoo 200 200\n", "the line of 'foo' has 2 cells for 1 servers"),
        ("foo\nfoo OK\n", "'OK' is an invalid outcome; expected a status code such as 200, or status/exit"),
        ("foo\nshop 200\n", "unknown client shop (choose from foo, bar, legacy)"),
        (
            "another.legacy\nfoo 200\n",
            "unknown server another.legacy (choose from foo, bar, legacy, another.foo",
        ),
        ("foo:http\nfoo 200\n", "foo:http: the port is not a number"),
    ],
)
def test_a_grid_that_cannot_be_asked_is_refused_before_there_is_a_lab(
    policies: Path, grid: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = policies.parent / "expected.txt"
    file.write_text(grid)
    assert main(["try", str(policies), "--grid", str(file)]) == 4
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"ERROR: {file}: {complaint}")
