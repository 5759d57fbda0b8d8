"""Hosts files follow the services, in whichever order pods and services come."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lab.kube.client import NAMESPACES, SERVICES, Store
from lab.kube.kinds.scheme import Scheme
from lab.kube.writing.writes import Writes
from lab.node.network.dns import HostsFiles, Record, hosts_file, own_lines, records


def a_service(objects: Writes, name: str) -> None:
    spec = {"ports": [{"port": 80}], "selector": {"app": name}}
    objects.create(
        SERVICES, {"metadata": {"name": name, "namespace": "default"}, "spec": spec}, manager="test"
    )


def external(name: str, host: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "foo"},
        "spec": {"type": "ExternalName", "externalName": host},
    }


HEADLESS = {"metadata": {"name": "web", "namespace": "foo"}, "spec": {"clusterIP": "None"}}
ENDPOINTS = {
    "metadata": {"name": "web-x", "namespace": "foo", "labels": {"kubernetes.io/service-name": "web"}},
    "endpoints": [
        {"addresses": ["10.244.0.2"], "hostname": "web-0", "conditions": {"ready": True}},
        {"addresses": ["10.244.0.3"], "hostname": "web-1", "conditions": {"ready": False}},
        {"addresses": ["10.244.0.4"]},
    ],
}


def test_pods_of_a_headless_service_are_found_by_their_host_names() -> None:
    known = records([HEADLESS], [ENDPOINTS])
    assert known == [
        Record("foo", "web", ("10.244.0.2", "10.244.0.4")),
        Record("foo", "web-0.web", ("10.244.0.2",)),
    ]
    names = "web-0.web.foo.svc.cluster.local web-0.web.foo.svc web-0.web.foo"
    assert f"10.244.0.2\t{names} web-0.web\n" in hosts_file(known, "foo", "")
    assert f"10.244.0.2\t{names}\n" in hosts_file(known, "bar", "")


def test_another_name_stands_for_what_it_names_in_the_end() -> None:
    services = [
        HEADLESS,
        external("one", "web.foo.svc.cluster.local"),
        external("two", "one.foo.svc.cluster.local."),
        external("pod", "web-0.web.foo.svc.cluster.local"),
        external("circle", "circle.foo.svc.cluster.local"),
        external("short", "web.foo"),
        external("away", "web.example"),
    ]
    known = {each.name: each.addresses for each in records(services, [ENDPOINTS])}
    assert known["one"] == known["two"] == known["web"]
    assert known["pod"] == known["web-0.web"]
    assert not known.keys() & {"circle", "short", "away"}


def test_a_pod_knows_its_own_name_and_its_aliases() -> None:
    pod: dict[str, Any] = {"metadata": {"name": "p", "namespace": "foo"}, "spec": {"hostname": "web-0"}}
    assert own_lines(pod, "10.244.0.2") == "10.244.0.2\tweb-0\n"
    pod["spec"]["subdomain"] = "web"
    pod["spec"]["hostAliases"] = [
        {"ip": "10.96.0.9", "hostnames": ["one.example", "two.example"]},
        {"ip": "::1"},
    ]
    assert own_lines(pod, "10.244.0.2") == (
        "10.244.0.2\tweb-0.web.foo.svc.cluster.local web-0\n10.96.0.9\tone.example two.example\n"
    )


async def test_a_service_that_comes_just_before_a_pod_is_known_to_the_pods_before_it(tmp_path: Path) -> None:
    objects = Writes(Store(), Scheme())
    objects.create(NAMESPACES, {"metadata": {"name": "default"}}, manager="test")
    names = HostsFiles(objects.store, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    names.add(first, "default", "")
    following = asyncio.create_task(names.follow())
    await asyncio.sleep(0.05)
    # Both at once, before whoever follows the store has a turn.
    a_service(objects, "late")
    names.add(second, "default", "")
    assert "late.default.svc.cluster.local" in second.read_text()
    async with asyncio.timeout(5):
        while "late.default.svc.cluster.local" not in first.read_text():  # noqa: ASYNC110 - a file says nothing
            await asyncio.sleep(0.01)
    following.cancel()
