"""A lab as "a cluster that exists": somebody else's, and in a kubeconfig beside other clusters."""

from __future__ import annotations

import contextlib
import copy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config, dynamic

from tests import suite_runs

ROOT = Path(__file__).resolve().parents[3]

CONTEXT = "shared"

# Where nobody answers: whoever uses the current context cannot come far.
ELSEWHERE = "https://127.0.0.1:1"

# What a cluster changes by itself.
RESTLESS = {"Event", "Endpoints", "EndpointSlice"}

Versions = dict[tuple[str, str, str], str]


@dataclass
class Estate:
    """The cluster, and the kubeconfig of whoever uses it: its current context is another cluster."""

    kubeconfig: Path
    api: Any

    @classmethod
    def of(cls, lab: Path, folder: Path) -> Estate:
        """A lab's kubeconfig among other contexts."""
        own = yaml.safe_load(lab.read_text())
        name = own["current-context"]
        mixed = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "production",
            "clusters": [*own["clusters"], {"name": "production", "cluster": {"server": ELSEWHERE}}],
            "users": own["users"],
            "contexts": [
                {"name": "production", "context": {"cluster": "production", "user": name}},
                {"name": CONTEXT, "context": {"cluster": name, "user": name}},
            ],
        }
        path = folder / "config"
        path.write_text(yaml.safe_dump(mixed))
        client = config.new_client_from_config(str(lab))
        return cls(path, dynamic.DynamicClient(client, cache_file=str(folder / "discovery.json")))

    def versions(self) -> Versions:
        """The resource version of every object in the cluster, but of what the cluster changes by itself."""
        found = {}
        for resource in self.api.resources.search():
            if resource.kind in RESTLESS or resource.kind.endswith("List") or "list" not in resource.verbs:
                continue
            for item in resource.get().items:
                metadata = item.metadata
                key = (resource.kind, metadata.namespace or "", metadata.name)
                found[key] = metadata.resourceVersion
        assert ("Namespace", "", "istio-system") in found
        return found

    def create(self, text: str) -> None:
        """Objects of somebody else."""
        for item in yaml.safe_load_all(text):
            self._resource(item).create(copy.deepcopy(item), namespace=item["metadata"].get("namespace"))

    @contextlib.contextmanager
    def holding(self, text: str) -> Iterator[None]:
        """With objects of somebody else in it."""
        self.create(text)
        try:
            yield
        finally:
            self.delete(text)

    def delete(self, text: str) -> None:
        """Delete objects, and wait until they are gone."""
        for item in yaml.safe_load_all(text):
            self._resource(item).delete(item["metadata"]["name"], item["metadata"].get("namespace"))
        for item in yaml.safe_load_all(text):
            resource, metadata = self._resource(item), item["metadata"]
            selector = f"metadata.name={metadata['name']}"
            while resource.get(namespace=metadata.get("namespace"), field_selector=selector).items:
                pass

    def _resource(self, item: dict[str, Any]) -> Any:
        return self.api.resources.get(api_version=item["apiVersion"], kind=item["kind"])

    def options(self, *options: str, mesh: str = "reference", context: str = CONTEXT) -> list[str]:
        """Those of a run of the suites in this cluster."""
        reports = ["--reports", str(self.kubeconfig.parent / "reports")]
        where = ["--target", "cluster", "--mesh", mesh, "--context", context]
        where += ["--kubeconfig", str(self.kubeconfig)]
        return ["--color=no", "-p", "no:cacheprovider", "--suite", "current", *reports, *where, *options]

    def command(self, *options: str) -> list[str]:
        """A run as its user starts it."""
        return [sys.executable, "-m", "pytest", "suites", *self.options(*options)]

    def run(self, *options: str, mesh: str = "reference") -> subprocess.CompletedProcess[str]:
        """A run to its end."""
        return suite_runs.forked(*self.options(*options, mesh=mesh))

    def clean(self, *options: str) -> subprocess.CompletedProcess[str]:
        """What `make clean CONTEXT=` does."""
        cli = [sys.executable, "-m", "fixtures.cli", "clean", "--context", CONTEXT]
        return finished([*cli, "--kubeconfig", str(self.kubeconfig), *options])


def finished(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options
    )
