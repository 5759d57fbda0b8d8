"""What keeps the playground from being set up: said in one line, soon, and no finding about the mesh."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.mesh_profile.profile import MESHES
from tests.e2e.safety.estate import Estate

STEP = ["-k", "test_1_setup and reachability"]


def said(estate: Estate, tmp_path: Path, old: str, new: str) -> str:
    """What a run says with the reference's profile, this text replaced by that; its exit code must be 3."""
    profile = tmp_path / "mine.yaml"
    profile.write_text((MESHES / "reference.yaml").read_text().replace(old, new))
    run = estate.run(*STEP, mesh=str(profile))
    assert run.returncode == 3, run.stdout
    assert "does not conform" not in run.stdout
    return run.stdout + run.stderr


@pytest.mark.usefixtures("untouched")
def test_a_label_that_lets_nobody_join(estate: Estate, tmp_path: Path) -> None:
    output = said(estate, tmp_path, "istio-injection: enabled", "istio.io/rev: stabel")
    assert (
        "could not tell: no pod of foo has the container istio-proxy: check `join` of the profile" in output
    )


@pytest.mark.usefixtures("untouched")
def test_a_label_that_does_not_keep_pods_out(estate: Estate, tmp_path: Path) -> None:
    outside = "outside: {namespaceLabels: {istio-injection: enabled}}\njoined:"
    output = said(estate, tmp_path, "joined:", outside)
    assert "with the container istio-proxy, though outside the mesh: check `outside` of the profile" in output


@pytest.mark.usefixtures("untouched")
def test_an_image_that_cannot_be_pulled(estate: Estate, tmp_path: Path) -> None:
    """It is shown while it is waited for, and waited for no longer than it may pass by itself."""
    nowhere = "images: {overrides: {docker.io/kennethreitz/httpbin: example.com/nobody/nothing:1}}\njoined:"
    output = said(estate, tmp_path, "joined:", nowhere)
    reason = 'container httpbin: Failed to pull image "example.com/nobody/nothing:1"'
    assert "\nwaiting for Deployment foo/another, Deployment foo/httpbin, " in output
    assert "could not tell: not available after 3" in output
    assert output.count(reason) >= 2
