"""Policies with the label `istio.io/rev`: those for another revision are neither in force nor looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.sidecars.conftest import Kubectl, until
from tests.e2e.sidecars.pods import CURL, HTTPBIN, manifest, pod, service, strict

URL = "http://server.revised:8000/"


def of(revision: str, policy: dict[str, Any]) -> dict[str, Any]:
    return {**policy, "metadata": {**policy["metadata"], "labels": {"istio.io/rev": revision}}}


def authorization(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "revised"},
        "spec": spec,
    }


NO_HEADERS = authorization("headers", action="DENY", rules=[{"to": [{"operation": {"paths": ["/headers"]}}]}])
WITHOUT_RULES = authorization("wrong", action="DENY")


@pytest.fixture(scope="module")
def revised(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.namespace("revised")
    server = pod("server", "revised", HTTPBIN)
    server["metadata"]["labels"]["sidecar.istio.io/inject"] = "true"
    objects = [server, service("server", "revised"), pod("client", "revised", CURL)]
    kubectl("apply", "-f", "-", given=manifest(*objects))
    kubectl.ready("revised")
    yield kubectl
    kubectl("delete", "namespace", "revised", "--wait=false")


def seen(kubectl: Kubectl) -> list[str]:
    return kubectl.statuses("revised", "client", "curl", f"{URL}headers", f"{URL}get")


def test_only_what_is_for_the_mesh_is_in_force(revised: Kubectl) -> None:
    both = manifest(of("canary", strict("revised")), of("default", NO_HEADERS))
    revised("apply", "-f", "-", given=both)
    until(lambda: seen(revised) == ["403/0", "200/0"])
    revised("apply", "-f", "-", given=manifest(of("default", strict("revised"))))
    until(lambda: seen(revised) == ["000/56", "000/56"])
    revised("apply", "-f", "-", given=manifest(of("canary", strict("revised")), of("canary", NO_HEADERS)))
    until(lambda: seen(revised) == ["200/0", "200/0"])


def test_what_is_for_another_is_not_looked_at(revised: Kubectl) -> None:
    def created(policy: dict[str, Any]) -> str:
        return revised.run("create", "--dry-run=server", "-f", "-", given=manifest(policy)).stderr

    assert created(of("canary", WITHOUT_RULES)) == ""
    assert 'admission webhook "rev.validation.istio.io" denied' in created(of("default", WITHOUT_RULES))
    assert 'admission webhook "validation.istio.io" denied' in created(WITHOUT_RULES)
