"""What a write refuses, in which words."""

from __future__ import annotations

import pytest

from lab.kube.errors import ApiError
from lab.kube.group_resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, SERVICES
from lab.kube.objects import clone
from tests.kube.mesh_crd import peer_authentication
from tests.kube.writing.written import PEERS, deployment, pod, refusal, service


@pytest.mark.parametrize(
    ("key", "obj", "expected"),
    [
        (
            DEPLOYMENTS,
            deployment(selector={"matchLabels": {"app": "other"}}),
            (
                422,
                "Invalid",
                'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value:'
                ' map[string]string{"app":"web"}: `selector` does not match template `labels`',
            ),
        ),
        (
            DEPLOYMENTS,
            {"metadata": {"name": "web", "namespace": "foo"}},
            (
                422,
                "Invalid",
                'Deployment.apps "web" is invalid: [spec.selector: Required value,'
                " spec.template.metadata.labels: Invalid value: map[string]string(nil): `selector` does not"
                " match template `labels`, spec.template.spec.containers: Required value]",
            ),
        ),
        (
            DEPLOYMENTS,
            deployment(replicas=-1),
            (
                422,
                "Invalid",
                'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1:'
                " must be greater than or equal to 0",
            ),
        ),
        (
            DEPLOYMENTS,
            deployment(replicas="two"),
            (
                400,
                "BadRequest",
                'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string'
                " into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
        ),
        (
            PODS,
            pod(containers=[{"name": "a", "image": "x"}, {"name": "a"}]),
            (
                422,
                "Invalid",
                'Pod "web" is invalid: [spec.containers[1].name: Duplicate value: "a",'
                " spec.containers[1].image: Required value]",
            ),
        ),
        (
            PODS,
            pod(containers=[{"name": "a", "image": "x", "ports": [{"containerPort": 70000}]}]),
            (
                422,
                "Invalid",
                'Pod "web" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: 70000:'
                " must be between 1 and 65535, inclusive",
            ),
        ),
        (
            PODS,
            pod(restartPolicy="Sometimes"),
            (
                422,
                "Invalid",
                'Pod "web" is invalid: spec.restartPolicy: Unsupported value: "Sometimes":'
                ' supported values: "Always", "OnFailure", "Never"',
            ),
        ),
        (
            SERVICES,
            service({"port": 80}, {"port": 81, "name": "b"}),
            (422, "Invalid", 'Service "web" is invalid: spec.ports[0].name: Required value'),
        ),
        (
            SERVICES,
            service({"port": 0}),
            (
                422,
                "Invalid",
                'Service "web" is invalid: spec.ports[0].port: Invalid value: 0:'
                " must be between 1 and 65535, inclusive",
            ),
        ),
        (
            CONFIG_MAPS,
            {"metadata": {"name": 5, "namespace": "foo"}},
            (
                400,
                "BadRequest",
                'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number'
                " into Go struct field ObjectMeta.metadata.name of type string",
            ),
        ),
        (
            CONFIG_MAPS,
            {"metadata": {"namespace": "foo"}},
            (
                422,
                "Invalid",
                'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
            ),
        ),
        (
            CONFIG_MAPS,
            {"metadata": {"name": "a", "namespace": "nowhere"}},
            (404, "NotFound", 'namespaces "nowhere" not found'),
        ),
        (
            NAMESPACES,
            {"metadata": {"name": "foo"}},
            (409, "AlreadyExists", 'namespaces "foo" already exists'),
        ),
    ],
)
def test_common_mistakes_are_refused_in_the_servers_words(writes, key, obj, expected):
    assert refusal(writes, key, obj) == expected


@pytest.mark.parametrize(
    ("field", "value", "start"),
    [
        (
            "name",
            "Foo",
            'ConfigMap "Foo" is invalid: metadata.name: Invalid value: "Foo": a lowercase RFC 1123',
        ),
        ("name", "a" * 254, f'ConfigMap "{"a" * 254}" is invalid: metadata.name: Invalid value'),
        (
            "labels",
            {"a": "b c"},
            'ConfigMap "x" is invalid: metadata.labels: Invalid value: "b c": a valid label',
        ),
        (
            "labels",
            {"a b": "c"},
            'ConfigMap "x" is invalid: metadata.labels: Invalid value: "a b": name part',
        ),
        (
            "labels",
            {"/a": "c"},
            'ConfigMap "x" is invalid: metadata.labels: Invalid value: "/a": prefix part',
        ),
        ("finalizers", ["wait"], 'ConfigMap "x" is invalid: metadata.finalizers: Invalid value: "wait"'),
        ("annotations", {"a": "x" * 300_000}, 'ConfigMap "x" is invalid: metadata.annotations: Too long'),
    ],
)
def test_metadata_that_is_wrong_is_a_422(writes, field, value, start):
    obj = {"metadata": {"name": "x", "namespace": "foo", field: value}}
    code, _, message = refusal(writes, CONFIG_MAPS, obj)
    assert code == 422
    assert message.startswith(start)


@pytest.mark.parametrize("field", ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"])
def test_metadata_of_the_wrong_type_is_a_400_also_on_custom_resources(writes, field):
    obj = peer_authentication({})
    obj["metadata"][field] = "text"
    assert refusal(writes, PEERS, obj)[0] == 400


def test_the_selector_of_a_deployment_is_immutable(writes):
    made = clone(writes.create(DEPLOYMENTS, deployment(), manager="test"))
    made["spec"]["selector"]["matchLabels"]["b"] = "c"
    made["spec"]["template"]["metadata"]["labels"]["b"] = "c"
    with pytest.raises(ApiError) as caught:
        writes.update(DEPLOYMENTS, made, manager="test")
    assert caught.value.message == (
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:'
        'map[string]string{"app":"web", "b":"c"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}:'
        " field is immutable"
    )


def test_a_pod_keeps_its_containers_but_may_be_bound_once(writes):
    made = clone(writes.create(PODS, pod(), manager="test"))
    made["spec"]["nodeName"] = "node-0"
    made = clone(writes.update(PODS, made, manager="test"))
    made["spec"]["nodeName"] = "node-1"
    with pytest.raises(ApiError, match="pod updates may not change fields other than"):
        writes.update(PODS, made, manager="test")
