"""What makes a built-in kind: one module, which is served because it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from lab.kube.api.protobuf import decode
from lab.kube.api.tables import table
from lab.kube.errors import ApiError
from lab.kube.group_resources import NAMESPACES
from lab.kube.kinds import builtin
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource
from lab.kube.store import Store
from lab.kube.writing.event_recorder import EventRecorder
from lab.kube.writing.writes import Writes
from tests.kube.api.test_protobuf import block, body

LEASES = GroupResource("toys.example.com", "leases")
MODULE = """
    from lab.kube.errors import required
    from lab.kube.kinds.printers import NAME, of_spec
    from lab.kube.kinds.protobuf_messages import METADATA
    from lab.kube.kinds.resources import native
    from lab.kube.kinds.strategies import Strategy
    from lab.kube.objects import GroupResource


    def _defaults(toy):
        toy.setdefault("spec", {}).setdefault("leaseDurationSeconds", 60)


    def _validate(toy, old):
        return [] if toy["spec"].get("holderIdentity") else [required("spec.holderIdentity")]


    RESOURCES = (
        native(
            "io.k8s.api.coordination.v1.Lease",
            GroupResource("toys.example.com", "leases"),
            columns=(NAME, of_spec("holderIdentity", "Child")),
            strategy=Strategy(defaults=_defaults, validate=_validate),
            protobuf={1: METADATA},
        ),
    )
"""


def forget_kinds() -> None:
    for known in (builtin._modules, builtin.resources, builtin.messages):
        known.cache_clear()


@pytest.fixture
def writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writes]:
    """A server of which one module more has been put into the folder of built-in kinds."""
    (tmp_path / "toy.py").write_text(dedent(MODULE))
    with monkeypatch.context() as patch:
        patch.setattr(builtin, "__path__", [*builtin.__path__, str(tmp_path)])
        forget_kinds()
        writes = Writes(Store(), Scheme())
        writes.create(NAMESPACES, {"metadata": {"name": "default"}}, manager="test")
        yield writes
    sys.modules.pop(f"{builtin.__name__}.toy")
    forget_kinds()


def toy(name: str, **spec: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": spec}


def test_a_module_in_the_folder_is_served_with_its_columns_and_defaults(writes):
    stored = writes.create(LEASES, toy("car", holderIdentity="jane"), manager="test")
    assert (stored["apiVersion"], stored["kind"]) == ("toys.example.com/v1", "Lease")
    assert stored["spec"] == {"holderIdentity": "jane", "leaseDurationSeconds": 60}
    shown = table(writes.scheme.storage(LEASES), [stored], {})
    assert [column["name"] for column in shown["columnDefinitions"]] == ["Name", "Child"]
    assert shown["rows"][0]["cells"] == ["car", "jane"]


def test_its_strategy_validates(writes):
    with pytest.raises(ApiError, match=r"spec\.holderIdentity: Required value"):
        writes.create(LEASES, toy("car"), manager="test")


def test_its_messages_are_read_in_protobuf(writes):
    sent = body("toys.example.com/v1", "Lease", block(1, block(1, "car")))
    assert decode(sent)["metadata"] == {"name": "car"}


def test_every_built_in_kind_has_a_schema_and_columns():
    for resource in builtin.resources():
        assert resource.schema.properties["metadata"], resource.kind
        assert resource.columns, resource.kind


def test_no_kind_is_declared_twice():
    places = [(resource.group, resource.version, resource.plural) for resource in builtin.resources()]
    assert len(places) == len(set(places))
    assert places == sorted(places)


def test_names_of_events_that_have_gone_are_not_kept_for_ever():
    recorder = EventRecorder(Store())
    about = {"metadata": {"name": "web", "namespace": "default"}}
    for number in range(2000):
        recorder.event(about, reason="Seen", message=str(number), type_="Normal", component="test")
    assert len(recorder._names) < 600
