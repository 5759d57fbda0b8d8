"""The addresses and names that a Service gets."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.group_resources import PODS, SERVICES
from tests.kube.writing.written import refusal, service


def test_services_get_distinct_addresses_and_keep_them(writes):
    one = writes.create(SERVICES, service(name="one"), manager="test")
    two = writes.create(SERVICES, service(name="two"), manager="test")
    headless = writes.create(SERVICES, service(name="three", clusterIP="None"), manager="test")
    assert one["spec"]["clusterIP"].startswith("10.96.")
    assert one["spec"]["clusterIP"] not in ("10.96.0.0", "10.96.0.1", two["spec"]["clusterIP"])
    assert headless["spec"]["clusterIPs"] == ["None"]
    assert one["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    kept = writes.update(SERVICES, service({"port": 81}, name="one"), manager="test")
    assert kept["spec"]["clusterIP"] == one["spec"]["clusterIP"]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.96.0.2", "failed to allocate IP 10.96.0.2: provided IP is already allocated"),
        ("192.0.2.1", "is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
        ("house", "must be a valid IP address"),
    ],
)
def test_an_address_that_cannot_be_had_is_a_422(writes, address, why):
    writes.create(SERVICES, service(name="first", clusterIP="10.96.0.2"), manager="test")
    code, _, message = refusal(writes, SERVICES, service(name="second", clusterIP=address))
    assert code == 422
    assert why in message


def test_names_in_the_dns_that_cannot_be_are_a_422(writes):
    away = service(name="away", type="ExternalName", externalName="a_b.example")
    code, _, message = refusal(writes, SERVICES, away)
    assert code == 422
    assert 'spec.externalName: Invalid value: "a_b.example": a lowercase RFC 1123 subdomain must' in message
    away["spec"]["externalName"] = "a.example."
    assert writes.create(SERVICES, away, manager="test")["spec"]["externalName"] == "a.example."
    pod: Any = {
        "metadata": {"name": "p", "namespace": "foo"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    pod["spec"] |= {"hostname": "a.b", "subdomain": "C"}
    code, _, message = refusal(writes, PODS, pod)
    assert code == 422
    assert 'spec.hostname: Invalid value: "a.b"' in message
    assert 'spec.subdomain: Invalid value: "C"' in message
