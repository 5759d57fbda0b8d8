"""Runs where the environment names a proxy: probes never use it, the API server is asked as kubectl asks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from fixtures.mesh_profile.profile import MESHES
from fixtures.targets import kubeconfig
from tests import suite_runs
from tests.e2e.safety.estate import CONTEXT, Estate
from tests.e2e.safety.proxy import CountingProxy

CHOSEN = ["--mode", "quick", "-k", "(reachability and mesh-wide-strict) or istio-exposed"]
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ELSEWHERE = "cluster.test"

# A filter of manifests that gives each container what some images have in theirs.
FILTER = """import sys, yaml
items = [item for item in yaml.safe_load_all(sys.stdin) if item]
for item in items:
    for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        container.setdefault("env", []).append({"name": "http_proxy", "value": "http://192.0.2.1:3128"})
print(yaml.safe_dump_all(items))
"""


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    with CountingProxy() as proxy:
        yield proxy


def environment(**proxies: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name.lower() not in VARIABLES}
    return own | proxies


def everywhere(proxy: CountingProxy) -> dict[str, str]:
    """Everything that some program takes for a proxy."""
    names = [name for name in VARIABLES if name != "no_proxy"]
    return {name: f"http://{proxy.address}" for word in names for name in (word, word.upper())}


@pytest.fixture
def far_away(estate: Estate, tmp_path: Path) -> Path:
    """A kubeconfig whose API server has a name that only the proxy can resolve."""
    config = kubeconfig.only([estate.kubeconfig], CONTEXT)
    about = config["clusters"][0]["cluster"]
    about["server"] = f"https://{ELSEWHERE}:{urlsplit(about['server']).port}"
    about["insecure-skip-tls-verify"] = True
    del about["certificate-authority-data"]
    path = tmp_path / "far-away"
    path.write_text(yaml.safe_dump(config))
    return path


def run(
    estate: Estate, config: Path, *options: str, mesh: str = "reference", **proxies: str
) -> subprocess.CompletedProcess[str]:
    """In the cluster of another kubeconfig; of two options the last one counts."""
    words = estate.options(*CHOSEN, "--kubeconfig", str(config), *options, mesh=mesh)
    return suite_runs.forked(*words, environment=environment(**proxies))


def only_the_api_server(proxy: CountingProxy, config: Path) -> bool:
    server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
    return set(proxy.asked) == {f"CONNECT {urlsplit(server).netloc}"}


def test_with_proxies_everywhere_a_run_on_the_lab_asks_none_of_them(
    proxy: CountingProxy, tmp_path: Path
) -> None:
    """Neither the client, its WebSockets nor curl; what a ~/.curlrc says is nothing to a probe."""
    (tmp_path / ".curlrc").write_text(f"proxy = http://{proxy.address}\nfail\n")
    ours = environment(**everywhere(proxy), HOME=str(tmp_path), no_proxy="10.0.0.0/8,.svc,.cluster.local")
    result = suite_runs.forked("--reports", str(tmp_path / "reports"), *CHOSEN, environment=ours)
    assert result.returncode == 0, result.stdout + result.stderr
    assert proxy.asked == {}


def test_a_cluster_behind_a_proxy_is_asked_through_it_and_neither_its_ingress_nor_a_proxy_of_pods_is(
    estate: Estate, far_away: Path, proxy: CountingProxy, tmp_path: Path
) -> None:
    """Both the API calls and the shells in pods, which have a proxy in their environment."""
    (tmp_path / "filter.py").write_text(FILTER)
    mesh = yaml.safe_load((MESHES / "reference.yaml").read_text())
    mesh["join"]["command"] = [sys.executable, "{folder}/filter.py"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mesh))
    behind = everywhere(proxy) | {"HTTPS_PROXY": f"http://me:secret@{proxy.address}"}
    result = run(estate, far_away, "--keep", mesh=str(tmp_path / "mine.yaml"), **behind)
    assert result.returncode == 0, result.stdout
    assert only_the_api_server(proxy, far_away)
    assert proxy.credentials == {"Basic bWU6c2VjcmV0"}
    assert "secret" not in result.stdout
    pods = estate.api.resources.get(api_version="v1", kind="Pod").get(namespace="foo").items
    assert "http_proxy" in {each.name for pod in pods for each in pod.spec.containers[0].env or ()}
    assert estate.clean().returncode == 0


def test_the_proxy_of_the_kubeconfig_counts_whatever_the_environment_says(
    estate: Estate, far_away: Path, proxy: CountingProxy
) -> None:
    config = yaml.safe_load(far_away.read_text())
    config["clusters"][0]["cluster"]["proxy-url"] = f"http://{proxy.address}"
    far_away.write_text(yaml.safe_dump(config))
    result = run(estate, far_away, HTTPS_PROXY="http://127.0.0.1:1", NO_PROXY="*")
    assert result.returncode == 0, result.stdout
    assert only_the_api_server(proxy, far_away)
