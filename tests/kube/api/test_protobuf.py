"""Bodies as Go's encoder writes them, put together by hand; kubectl's own come in test_kubectl_create."""

from __future__ import annotations

import pytest

from lab.kube.api.protobuf import decode
from lab.kube.errors import ApiError


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, *parts: bytes | str) -> bytes:
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


def entry(field: int, key: str, value: bytes | str) -> bytes:
    return block(field, block(1, key), block(2, value))


def body(version: str, kind: str, *fields: bytes) -> bytes:
    return b"k8s\0" + block(1, block(1, version), block(2, kind)) + block(2, *fields) + block(3) + block(4)


def test_empty_strings_that_go_always_writes_are_no_fields():
    metadata = block(1, block(1, "n"), block(2, ""), block(3, ""), number(7, 0), block(8))
    assert decode(body("v1", "Namespace", metadata, block(2), block(3, block(1, "")))) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "n"},
    }


def test_maps_bytes_and_labels_arrive_as_in_json():
    metadata = block(1, block(1, "s"), entry(11, "app", "web"), entry(11, "empty", ""))
    secret = decode(body("v1", "Secret", metadata, entry(2, "raw", b"\x00\xff"), block(3, "Opaque")))
    assert secret["metadata"]["labels"] == {"app": "web", "empty": ""}
    assert secret["data"] == {"raw": "AP8="}
    assert secret["type"] == "Opaque"


def test_a_pointer_to_zero_is_kept_and_a_plain_zero_is_not():
    options = decode(body("v1", "DeleteOptions", number(1, 0), number(3, 0), block(4, "Background")))
    assert options["gracePeriodSeconds"] == 0
    assert options["orphanDependents"] is False
    spec = block(2, number(1, 0), number(5, 0), number(7, 0))
    assert decode(body("apps/v1", "Deployment", spec))["spec"] == {"replicas": 0}


def test_negative_numbers_and_int_or_string():
    options = decode(body("v1", "DeleteOptions", number(1, -1)))
    assert options["gracePeriodSeconds"] == -1
    ports = [
        block(1, number(3, 80), block(4, number(1, 1), block(3, "http"))),
        block(1, block(4, number(2, 8080))),
    ]
    service = decode(body("v1", "Service", block(2, *ports)))
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http", 8080]


def test_a_kind_without_a_table_is_told_to_come_as_json():
    with pytest.raises(ApiError, match=r"not for batch/v1 Job; send JSON instead") as error:
        decode(body("batch/v1", "Job"))
    assert error.value.code == 415


def test_an_unknown_field_is_refused_by_its_number():
    with pytest.raises(ApiError, match=r"field 99 of ConfigMap\.metadata is not known") as error:
        decode(body("v1", "ConfigMap", block(1, block(99, "x"))))
    assert error.value.code == 400


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"k8s",
        b"k8s\0",
        b"{}",
        b"k8s\0\xff",
        b"k8s\0" + b"\xff" * 20,
        b"k8s\0\x0a\x7fshort",
        b"k8s\0\x0b",
        body("v1", "ConfigMap", block(1, number(1, 5))),
        body("v1", "ConfigMap", block(1, block(1, b"\xff\xfe"))),
        body("v1", "DeleteOptions", block(1, "not a number")),
        body("v1", "Namespace", block(1, block(8, number(1, 2**62)))),
    ],
)
def test_malformed_bodies_get_a_400(data):
    with pytest.raises(ApiError) as error:
        decode(data)
    assert error.value.code == 400
