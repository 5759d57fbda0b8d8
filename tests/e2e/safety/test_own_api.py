"""A mesh with an API of its own: what a profile's manifests stand for is applied, looked at and removed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.cluster.client import OWNED, Cluster
from fixtures.mesh_profile.profile import load
from fixtures.safety.footprint import Footprint, lanes
from tests.e2e.safety.estate import CONTEXT, ROOT, Estate

FOLDER = ROOT / "tests" / "own_api"
PROFILE = str(FOLDER / "profile.yaml")
ENCRYPTION = ("mesh.example.com/v1", "Encryption")


@pytest.fixture(scope="module")
def foreign_mesh(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The estate with the foreign API in it, and its controller beside it."""
    own = yaml.safe_load(estate.kubeconfig.read_text()) | {"current-context": CONTEXT}
    path = tmp_path_factory.mktemp("foreign") / "config"
    path.write_text(yaml.safe_dump(own))
    with estate.holding((FOLDER / "crd.yaml").read_text()):
        controller = subprocess.Popen(
            [sys.executable, str(FOLDER / "controller.py"), str(path)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert controller.stdout
            assert controller.stdout.readline() == "ready\n"
            yield estate
            assert controller.poll() is None, "the controller has ended"
        finally:
            controller.kill()
            controller.wait()
            if controller.stdout:
                controller.stdout.close()
    # Who looks at every kind must not ask for the one that is gone.
    estate.api.resources.invalidate_cache()


def encryptions(estate: Estate) -> list[str]:
    """Those of the suite, by their names."""
    cluster = Cluster(estate.kubeconfig, CONTEXT, "test")
    found = cluster.find(*ENCRYPTION, labels=OWNED)
    return sorted(f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in found)


def test_cases_pass_on_what_the_controller_makes_of_the_meshs_own_policies(foreign_mesh: Estate) -> None:
    chosen = "test_reachability and (port-8080-disabled or other-version-strict)"
    run = foreign_mesh.run("-k", chosen, "--keep", mesh=PROFILE)
    assert run.returncode == 0, run.stdout
    assert "step by step: Encryption, HTTPRoute, Gateway\n" in run.stdout
    assert "the policies are written in the mesh's own API, in policies/" in run.stdout
    lacking = "1 unsupported: there is no policies/current/strict-httpbin-v2-bar.yaml in place of manifests/"
    assert lacking in " ".join(run.stdout.split()), run.stdout
    assert encryptions(foreign_mesh) == ["bar/httpbin", "foo/default"]
    # What a run has left is removed by the next one, and by `clean`, which must be told of the kind.
    clean = [sys.executable, "-m", "fixtures.cli", "clean", "--context", CONTEXT]
    clean += ["--kubeconfig", str(foreign_mesh.kubeconfig), "--mesh", PROFILE]
    cleaned = subprocess.run(clean, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert cleaned.returncode == 0, cleaned.stderr
    assert "removing Encryption bar/httpbin, Encryption foo/default, " in cleaned.stdout
    assert encryptions(foreign_mesh) == []


def test_evidence_has_the_policies_as_they_were_applied(foreign_mesh: Estate, tmp_path: Path) -> None:
    """The mesh is said to refuse plain text where its policy permits it."""
    wrong = tmp_path / "profile.yaml"
    text = (FOLDER / "profile.yaml").read_text().replace("folder: policies", f"folder: {tmp_path}/policies")
    wrong.write_text(text)
    for file in (FOLDER / "policies" / "current").glob("*.yaml"):
        copy = tmp_path / "policies" / "current" / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text().replace("Required", "Optional"))
    reports = tmp_path / "reports"
    options = ("-k", "test_reachability and port-8080-disabled", "--bound", "2", "--reports", str(reports))
    run = foreign_mesh.run(*options, mesh=str(wrong))
    assert run.returncode == 1, run.stdout
    assert "sleep.legacy to httpbin.foo: 200 instead of 000/56" in run.stdout
    folder = reports / "evidence/current/namespace-or-workload/reachability/port-8080-disabled/policies"
    for name in ("applied.yaml", "in-the-cluster.yaml"):
        found = list(yaml.safe_load_all((folder / name).read_text()))
        assert {(each["apiVersion"], each["kind"]) for each in found} == {ENCRYPTION}, name
    assert encryptions(foreign_mesh) == []


def test_the_pre_flight_knows_the_kinds_and_the_rights_on_them(foreign_mesh: Estate) -> None:
    everywhere = (FOLDER / "policies/current/strict-mesh.yaml").read_text().replace("default", "theirs", 1)
    with foreign_mesh.holding(everywhere):
        run = foreign_mesh.run("-k", "mesh-wide-strict", mesh=PROFILE)
    assert run.returncode == 7, run.stdout
    assert (
        "Encryption istio-system/theirs may affect the playground: it is in the root namespace" in run.stdout
    )
    cluster = Cluster(foreign_mesh.kubeconfig, CONTEXT, "test")
    accesses = Footprint(load(PROFILE), lanes(1)).accesses(cluster)
    rights = {each.verb for each in accesses if each.resource == "encryptions"}
    assert rights == {"list", "create", "patch", "delete"}
