"""ValidatingAdmissionPolicies, by kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kube.served import Served, serving

KIND = "ValidatingAdmissionPolicy"
GROUP = "admissionregistration.k8s.io/v1"
DEPLOYMENTS = {
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["deployments"],
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture
def bound(cluster: Served) -> Iterator[Any]:
    """Makes a policy with its binding; gives what kubectl said."""

    def bind(spec: dict[str, Any], actions: tuple[str, ...] = ("Deny",), **binding: Any) -> str:
        metadata = {"name": "limits"}
        spec = {"matchConstraints": {"resourceRules": [DEPLOYMENTS]}, **spec}
        policy = {
            "apiVersion": GROUP,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata,
            "spec": spec,
        }
        binding = {"policyName": "limits", "validationActions": list(actions), **binding}
        bind = {**policy, "kind": f"{KIND}Binding", "spec": binding}
        said = ""
        for manifest in (policy, bind):
            done = cluster.run("create", "-f", "-", stdin=json.dumps(manifest))
            assert done.returncode == 0, done.stderr
            said += done.stderr
        return said

    yield bind
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        cluster.kubectl("delete", kind, "limits")
    cluster.run("delete", "deployment", "web")


def created(cluster: Served, replicas: int) -> str:
    """What kubectl said of a Deployment, "" for nothing."""
    done = cluster.run("create", "deployment", "web", "--image=app:1", f"--replicas={replicas}")
    assert (done.returncode == 0) == (done.stdout != "")
    return done.stderr


FEW = {"validations": [{"expression": "object.spec.replicas <= 2"}]}


def test_a_policy_denies(cluster, bound):
    assert bound(FEW) == ""
    assert created(cluster, 3) == (
        'error: failed to create deployment: deployments.apps "web" is forbidden: ValidatingAdmissionPolicy'
        " 'limits' with binding 'limits' denied request: failed expression: object.spec.replicas <= 2\n"
    )
    assert created(cluster, 2) == ""
    assert "denied request" in cluster.refused("patch", "deploy", "web", "-p", '{"spec": {"replicas": 9}}')


def test_a_policy_may_warn_alone(cluster, bound):
    bound({"validations": [{"expression": "object.spec.replicas <= 2", "message": "so many"}]}, ("Warn",))
    assert created(cluster, 3) == (
        "Warning: Validation failed for ValidatingAdmissionPolicy 'limits' with binding 'limits': so many\n"
    )


def test_variables_conditions_and_messages(cluster, bound):
    bound(
        {
            "variables": [
                {"name": "most", "expression": "request.operation == 'CREATE' ? 1 : 5"},
                {"name": "double", "expression": "variables.most * 2"},
            ],
            "matchConditions": [
                {"name": "not-two", "expression": "object.spec.replicas != 2"},
                {"name": "default", "expression": "namespaceObject.metadata.name == 'default'"},
            ],
            "validations": [
                {
                    "expression": "object.spec.replicas <= variables.double - variables.most",
                    "messageExpression": "'at most ' + string(variables.most) + ' in ' + request.namespace",
                }
            ],
        }
    )
    assert "denied request: at most 1 in default\n" in created(cluster, 3)
    assert created(cluster, 2) == ""


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_an_expression_without_a_value(cluster, bound, policy):
    bound({"failurePolicy": policy, "validations": [{"expression": "object.nope == 1"}]})
    said = "expression 'object.nope == 1' resulted in error: no such key: nope"
    assert (said in created(cluster, 1)) == (policy == "Fail")


@pytest.mark.parametrize(
    ("resources", "denied"),
    [
        ({"resourceRules": [DEPLOYMENTS]}, True),
        ({"resourceRules": [{**DEPLOYMENTS, "resourceNames": ["other"]}]}, False),
        ({"resourceRules": [{**DEPLOYMENTS, "operations": ["DELETE"]}]}, False),
        ({"excludeResourceRules": [DEPLOYMENTS]}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "foo"}}}, False),
        ({"objectSelector": {"matchLabels": {"app": "other"}}}, False),
    ],
)
def test_what_a_binding_is_about(cluster, bound, resources, denied):
    bound(FEW, matchResources=resources)
    assert ("denied request" in created(cluster, 3)) == denied


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}, "it has parameters"),
        ({"validations": [{"expression": "authorizer.path('/x').check('get').allowed()"}]}, "'authorizer'"),
    ],
)
def test_what_cannot_be_evaluated_is_told_and_refuses_nothing(cluster, bound, more, why):
    said = bound(FEW | more)
    assert said.startswith("Warning: this server cannot evaluate this policy (")
    assert why in said
    assert created(cluster, 3) == ""


def test_what_is_no_cel_is_refused(cluster):
    spec = {"matchConstraints": {"resourceRules": [DEPLOYMENTS]}, "validations": [{"expression": "object.("}]}
    policy = {
        "apiVersion": GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "x"},
        "spec": spec,
    }
    said = cluster.refused("create", "-f", "-", stdin=json.dumps(policy))
    assert 'spec.validations[0].expression: Invalid value: "object.(": compilation failed: ERROR: ' in said
