"""Images from folders on a whole lab, by its command line and kubectl."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab.conftest import Home

MANIFEST = 'name: {name}\nentrypoint: [/usr/local/bin/tool]\nargs: ["{code}"]\nfiles: files\n'


needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def image(folder: Path, name: str, code: str = "7") -> Path:
    """A directory with an image in it, of a program that exits with a code; gives the image's manifest."""
    program = folder / "tool" / "files/usr/local/bin/tool"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexit $1\n")
    program.chmod(0o755)
    manifest = folder / "tool" / "image.yaml"
    manifest.write_text(MANIFEST.format(name=name, code=code))
    return manifest


def test_a_directory_of_images_that_is_not_there_is_refused(home: Home, tmp_path: Path) -> None:
    done = home.lab("up", "--images", str(tmp_path / "none"))
    said = f"there is no directory {tmp_path / 'none'}\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"lab: --images: {said}")
    home.environment["LAB_IMAGES"] = f"{tmp_path}:{tmp_path / 'none'}"
    done = home.lab("up")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"lab: $LAB_IMAGES: {said}")
    assert list(home.path.iterdir()) == []


@pytest.fixture
def hidden() -> Iterator[Path]:
    """A directory of root's in one that everybody may look into."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        (Path(directory) / "hidden").mkdir(mode=0o700)
        yield Path(directory) / "hidden"


@needs_kubectl
def test_directories_that_an_ordinary_user_may_not_read(ordinary: Home, hidden: Path) -> None:
    done = ordinary.lab("up", "--images", str(hidden))
    assert (done.returncode, done.stderr) == (2, f"lab: --images: {hidden} cannot be read\n")
    # Of the user's own, which nobody asked for, nothing is said.
    ordinary.environment["XDG_CACHE_HOME"] = str(hidden)
    assert ordinary.lab("images").stdout.startswith("IMAGE ")
    up = ordinary.lab("up", "--mesh", "none")
    assert up.returncode == 0, up.stderr
    assert "lab: pods can only run as root here; images that declare another user do not run: " in up.stderr
    kubectl = ["kubectl", "--kubeconfig", str(ordinary.path / "default/kubeconfig")]
    subprocess.run([*kubectl, "run", "nginx", "--image=nginx"], check=True, capture_output=True)
    wait = ["wait", "pod/nginx", "--timeout=10s"]
    reason = "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff"
    subprocess.run([*kubectl, *wait, reason], check=True, capture_output=True)


def test_a_bad_image_in_a_directory_that_was_asked_for_is_refused(home: Home, tmp_path: Path) -> None:
    manifest = image(tmp_path, "acme/tool:1")
    manifest.write_text(manifest.read_text() + "command: [ls]\n")
    done = home.lab("up", "--images", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lab: {manifest}: unknown field command (known: name, ")
    assert done.stderr.count("\n") == 1
    assert list(home.path.iterdir()) == []


@needs_kubectl
def test_a_pod_has_an_image_from_wherever_they_are_looked_for(home: Home, tmp_path: Path) -> None:
    asked, named, own = (
        tmp_path / name for name in ("asked", "named", "cache/mesh-authn-conformance/images")
    )
    exits = {"asked": "7", "named": "8", "own": "9"}
    for (tool, code), folder in zip(exits.items(), (asked, named, own), strict=True):
        image(folder, f"acme/{tool}:1", code)
    home.environment |= {"LAB_IMAGES": str(named), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert home.lab("up", "--images", str(asked)).returncode == 0
    kubectl = ["kubectl", "--kubeconfig", str(home.path / "default/kubeconfig")]
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": tool},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "tool", "image": f"docker.io/acme/{tool}:1"}],
            },
        }
        for tool in exits
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    subprocess.run([*kubectl, "apply", "-f", "-"], input=given, text=True, check=True)
    wait = ["wait", "pod", "--all", "--for=jsonpath={.status.phase}=Failed", "--timeout=10s"]
    subprocess.run([*kubectl, *wait], check=True, capture_output=True)
    exited = "{.metadata.name} {.status.containerStatuses[0].state.terminated.exitCode} "
    shown = ["get", "pods", "-o", f"jsonpath={{range .items[*]}}{exited}{{end}}"]
    done = subprocess.run([*kubectl, *shown], capture_output=True, text=True)
    assert done.stdout.split() == [word for pair in exits.items() for word in pair]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that everybody may read, with an image for root and one for another user."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        for name, user in (("roots", "0"), ("anothers", "1337:1337")):
            (Path(directory) / name).mkdir(mode=0o755)
            manifest = f'name: acme/{name}:1\nentrypoint: [/bin/true]\nuser: "{user}"\n'
            (Path(directory) / name / "image.yaml").write_text(manifest)
        yield Path(directory)


def test_which_images_no_pod_can_have(home: Home, ordinary: Home, open_to_all: Path) -> None:
    for place in (home, ordinary):
        place.environment["LAB_IMAGES"] = str(open_to_all)
    asked = ["images", "check", "curlimages/curl", "acme/roots", "acme/roots:1", "acme/anothers:1"]
    done = home.lab(*asked)
    assert (done.returncode, done.stderr) == (0, "")

    done = ordinary.lab(*asked, "acme/roots:2", "acme/other")
    assert done.returncode == 2
    anothers, other_tag, other = done.stderr.splitlines()
    assert anothers.startswith(
        "lab: the image acme/anothers:1 runs as user 1337, and pods can only run as root here: "
    )
    assert other_tag == "lab: the lab has no image acme/roots:2"
    assert other == "lab: the lab has no image acme/other"
