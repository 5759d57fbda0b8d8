"""CEL: rules of definitions that nobody has a predicate for, of states and of transitions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS
from lab.kube.kinds import cel
from lab.kube.kinds.schema import Schema
from lab.kube.kinds.scheme import Scheme
from lab.kube.kinds.validation_rules import ABSENT, broken, check_rules, unknown_rules
from lab.kube.objects import GroupResource, clone
from lab.kube.store import Store
from lab.kube.writing.writes import Writes

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
INTEGERS = {"type": "array", "items": INTEGER}


def rule(text: str, **more: Any) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": text, **more}]}


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def said(schema: dict[str, Any], value: Any, old: Any = ABSENT) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in broken(value, Schema(schema), {}, old)]


@pytest.mark.parametrize(
    ("schema", "value", "holds"),
    [
        (STRING | rule("self.size() < 5"), "four", True),
        (STRING | rule("self.size() < 5"), "fiver", False),
        (STRING | rule("self.matches('^[a-z]+$') // a comment"), "abc", True),
        (fields(a=STRING) | rule("has(self.a) ? self.a == 'x' : true"), {}, True),
        (fields(a=STRING) | rule("has(self.a) ? self.a == 'x' : true"), {"a": "y"}, False),
        (fields(namespace=STRING) | rule("self.__namespace__ == 'x'"), {"namespace": "x"}, True),
        ({**fields(**{"a-b": STRING})} | rule("self.a__dash__b == 'x'"), {"a-b": "x"}, True),
        ({"type": "object", "additionalProperties": STRING} | rule("self['a-b'] == 'x'"), {"a-b": "x"}, True),
        # A number is a double, however JSON writes it.
        (fields(n=NUMBER) | rule("self.n * 2.0 == 4.0"), {"n": 2}, True),
        (fields(n=INTEGER) | rule("self.n % 2 == 0"), {"n": 4.0}, True),
        ({**STRING, "format": "duration"} | rule("self > duration('1m')"), "90s", True),
        ({**STRING, "format": "duration"} | rule("self > duration('1m')"), "9s", False),
        ({**STRING, "format": "date-time"} | rule("self.getHours() == 7"), "2026-01-01T07:00:00Z", True),
        ({**STRING, "format": "date"} | rule("self.getMonth() == 1"), "2026-02-01", True),
        ({**STRING, "format": "byte"} | rule("size(self) == 3"), "YWJj", True),
        (STRING | rule("isIP(self) && ip(self).family() == 4"), "10.0.0.1", True),
        (STRING | rule("cidr('10.0.0.0/8').containsIP(self)"), "10.1.2.3", True),
        (STRING | rule("cidr('10.0.0.0/8').containsIP(ip(self))"), "11.1.2.3", False),
        (STRING | rule("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')"), "", True),
        (STRING | rule("isURL(self) && url(self).getScheme() == 'https'"), "https://x.example/a?b=c", True),
        (STRING | rule("isURL(self)"), "no url", False),
        (STRING | rule("quantity(self).isLessThan(quantity('1Gi'))"), "1000Mi", True),
        (STRING | rule("quantity(self).isLessThan(quantity('1Gi'))"), "1.1G", False),
        (STRING | rule("quantity(self).add(quantity('1')).asInteger() == 2001"), "2k", True),
        (STRING | rule("isQuantity(self)"), "1Zi", False),
        (STRING | rule("self.find('[0-9]+') == '12'"), "a12b3", True),
        (STRING | rule("self.findAll('[0-9]+', 1) == ['12']"), "a12b3", True),
        (INTEGERS | rule("self.isSorted() && self.sum() == 6"), [1, 2, 3], True),
        (INTEGERS | rule("self.max() == 3 && self.indexOf(2) == 1"), [1, 2, 3], True),
        (INTEGERS | rule("self.all(x, self.exists_one(y, x == y))"), [1, 1], False),
    ],
)  # fmt: skip
def test_rules_of_states(schema, value, holds):
    assert (said(schema, value) == []) == holds


ITEM = fields(name=STRING, size=INTEGER | rule("self >= oldSelf", message="must not shrink"))
LIST_MAP = {
    "type": "array",
    "items": ITEM,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


@pytest.mark.parametrize(
    ("schema", "value", "old", "holds"),
    [
        (STRING | rule("self == oldSelf"), "b", "a", False),
        (STRING | rule("self == oldSelf"), "a", "a", True),
        (STRING | rule("self == oldSelf"), "a", ABSENT, True),
        (fields(a=STRING | rule("self == oldSelf")), {"a": "x"}, {}, True),
        (fields(a=STRING | rule("self == oldSelf")), {"a": "x"}, {"a": "y"}, False),
        (fields(a=STRING) | rule("has(self.a) == has(oldSelf.a)"), {"a": "x"}, {}, False),
        # Items are told apart by their keys, wherever they are; those of other lists not at all.
        (LIST_MAP, [{"name": "b", "size": 1}, {"name": "a", "size": 2}], [{"name": "a", "size": 1}], True),
        (LIST_MAP, [{"name": "a", "size": 1}], [{"name": "b", "size": 0}, {"name": "a", "size": 2}], False),
        ({"type": "array", "items": ITEM}, [{"name": "a", "size": 1}], [{"name": "a", "size": 2}], True),
        (
            {"type": "object", "additionalProperties": INTEGER | rule("self >= oldSelf")},
            {"a": 1, "b": 5},
            {"a": 2},
            False,
        ),
        (INTEGER | rule("!oldSelf.hasValue() || self > oldSelf.value()", optionalOldSelf=True), 1, 1, False),
        (INTEGER | rule("!oldSelf.hasValue() || self > oldSelf.value()", optionalOldSelf=True), 2, 1, True),
        (INTEGER | rule("oldSelf.hasValue() || self == 0", optionalOldSelf=True), 1, ABSENT, False),
        (INTEGER | rule("oldSelf.hasValue() || self == 0", optionalOldSelf=True), 0, ABSENT, True),
    ],
)
def test_rules_of_transitions(schema, value, old, holds):
    assert (said(schema, value, old) == []) == holds


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "a: Invalid value: \"string\": failed rule: self == 'x'"),
        ({"message": "must be x"}, 'a: Invalid value: "string": must be x'),
        ({"messageExpression": "'not ' + self"}, 'a: Invalid value: "string": not y'),
        ({"messageExpression": "self.nope", "message": "else"}, 'a: Invalid value: "string": else'),
        ({"message": "no", "reason": "FieldValueForbidden"}, "a: Forbidden: no"),
        ({"message": "no", "reason": "FieldValueRequired", "fieldPath": ".b"}, "a.b: Required value: no"),
    ],
)
def test_what_is_said_of_a_broken_rule(more, expected):
    assert said(fields(a=STRING | rule("self == 'x'", **more)), {"a": "y"}) == [expected]


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ("self.a == 1", {}, "no such key: a"),
        ("self.a.startsWith('x')", {"a": 1}, "no such overload: (int64).startsWith(string)"),
        ("1 / self.a == 1", {"a": 0}, "divide by zero"),
        ("isURL(self.a) || url(self.a).getHost() == ''", {"a": "::"}, "URL parse error during conversion"),
    ],
)
def test_a_rule_without_a_value_is_broken(text, value, error):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True} | rule(text, message="told")
    (found,) = said(schema, value)
    assert error in found
    assert found.endswith(" evaluating rule: told")


def test_rules_that_cannot_be_evaluated_are_named_and_hold_nothing_back():
    strange = STRING | rule("self.mystery()")
    assert unknown_rules(fields(a=strange), {}) == {"self.mystery()": "undeclared reference to 'mystery'"}
    assert said(fields(a=strange), {"a": "x"}) == []
    nested = fields(wait={**STRING, "format": "duration"}) | rule("self.wait < duration('1s')")
    assert unknown_rules(nested, {}) == {
        "self.wait < duration('1s')": "wait is of the format duration, and within an object"
    }
    assert said(nested, {"wait": "5s"}) == []
    # What has a predicate is not asked about.
    assert unknown_rules(fields(a=strange), {"self.mystery()": bool}) == {}


def test_what_is_no_cel_is_refused_with_its_place():
    schema = fields(a={"type": "array", "items": STRING | rule("self == 'x' &&")})
    (cause,) = check_rules(schema, "spec.versions[0].schema.openAPIV3Schema", {})
    assert cause.field == (
        "spec.versions[0].schema.openAPIV3Schema.properties[a].items.x-kubernetes-validations[0].rule"
    )
    assert "compilation failed: ERROR: <input>:1:15: Syntax error: mismatched input" in cause.message


GATEWAY_CLASS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "classes.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Cluster",
        "names": {"kind": "Class", "plural": "classes"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": fields(
                        spec=fields(controllerName=STRING | rule("self == oldSelf", message="is immutable")),
                        status=fields(count=INTEGER | rule("self >= oldSelf")),
                    )
                },
            }
        ],
    },
}


def test_a_class_is_not_taken_over():
    writes = Writes(Store(), Scheme())
    key = GroupResource("example.com", "classes")
    crds = CUSTOM_RESOURCE_DEFINITIONS
    writes.create(crds, clone(GATEWAY_CLASS), manager="test")
    stored = writes.create(
        key, {"metadata": {"name": "one"}, "spec": {"controllerName": "mine"}}, manager="test"
    )
    writes.update(key, {**stored, "metadata": {"name": "one", "labels": {"a": "b"}}}, manager="test")
    with pytest.raises(ApiError) as caught:
        writes.update(key, {"metadata": {"name": "one"}, "spec": {"controllerName": "other"}}, manager="test")
    assert caught.value.message == (
        'Class.example.com "one" is invalid: spec.controllerName: Invalid value: "string": is immutable'
    )


def test_an_expression_knows_its_own_variables_alone():
    assert cel.compiled("object.size() == 1", "object").value({"object": [1]}) is True
    with pytest.raises(cel.Uncompilable, match="undeclared reference to 'self'"):
        cel.compiled("self == 1", "object")


def test_a_cluster_without_rules_and_webhooks_of_its_own_loads_nothing_for_them():
    program = (
        "import sys\n"
        "from lab.kube.kinds.scheme import Scheme\n"
        "from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS\n"
        "from lab.kube.store import Store\n"
        "from lab.kube.writing.writes import Writes\n"
        "from lab.mesh.config import definitions\n"
        "from lab.mesh.config.cel_rules import CEL_RULES\n"
        "from lab.mesh.config.apis import APIS\n"
        "scheme = Scheme()\n"
        "scheme.cel_rules.update(CEL_RULES)\n"
        "writes = Writes(Store(), scheme)\n"
        "import lab.supervision.supervisor\n"
        "for crd in definitions.load(definitions.GATEWAY_API, definitions.NETWORKING):\n"
        "    writes.create(CUSTOM_RESOURCE_DEFINITIONS, crd, manager='x')\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "lab.supervision.supervisor" in loaded
    for_others = {
        "cel_expr_python",
        "jsonpatch",
        "lab.kube.webhooks.dispatcher",
        "lab.kube.kinds.cel_functions",
    }
    assert not loaded & for_others
