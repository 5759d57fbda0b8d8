"""Label and field selectors."""

from __future__ import annotations

import pytest

from lab.kube.errors import ApiError
from lab.kube.kinds.scheme import Scheme
from lab.kube.kinds.selectors import field_predicate, label_predicate


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app in (web, api)", True),
        ("app notin (web)", False),
        ("tier notin (back)", True),
        ("app", True),
        ("!app", False),
        ("!tier", True),
        ("app!=web", False),
        ("app=", False),
    ],
)
def test_label_selectors(selector, matches):
    assert label_predicate(selector)({"app": "web"}) is matches


@pytest.mark.parametrize("selector", ["a b", "=x", "app in web", "a=b=c", "app in (a", "a,,b", "-x"])
def test_what_is_no_label_selector_is_a_400(selector):
    with pytest.raises(ApiError) as caught:
        label_predicate(selector)
    assert caught.value.code == 400


def test_field_selectors_take_the_fields_of_their_kind():
    pods = Scheme().get("", "v1", "pods")
    assert pods is not None
    pod = {"metadata": {"name": "a"}, "status": {"phase": "Running"}, "spec": {}}
    assert field_predicate("metadata.name=a,status.phase!=Failed", pods)(pod)
    assert not field_predicate("spec.nodeName=node-0", pods)(pod)
    assert field_predicate("spec.nodeName=", pods)(pod)
    with pytest.raises(ApiError, match=r"field label not supported: spec\.x"):
        field_predicate("spec.x=1", pods)
