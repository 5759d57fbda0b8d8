"""The write pipeline: what a write makes of an object, and what it refuses in which words."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kube.admission import Denied, Invalid
from lab.kube.errors import ApiError
from lab.kube.group_resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
)
from lab.kube.kinds.scheme import Scheme
from lab.kube.objects import GroupResource, clone
from lab.kube.store import Store
from lab.kube.writing.pipeline import at_once
from lab.kube.writing.request_validation import WriteOptions
from lab.kube.writing.writes import Writes
from tests.kube.mesh_crd import CEL_RULES, peer_authentication, peer_authentications

NAMESPACES, PODS, SERVICES = (
    NAMESPACES,
    PODS,
    SERVICES,
)
DEPLOYMENTS, CONFIG_MAPS = DEPLOYMENTS, CONFIG_MAPS
PEERS = GroupResource("security.istio.io", "peerauthentications")


@pytest.fixture
def writes() -> Writes:
    scheme = Scheme()
    scheme.cel_rules.update(CEL_RULES)
    writes = Writes(Store(), scheme)
    for name in ("default", "foo"):
        writes.create(NAMESPACES, {"metadata": {"name": name}}, manager="test")
    writes.create(CUSTOM_RESOURCE_DEFINITIONS, peer_authentications(), manager="test")
    return writes


def deployment(**spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "metadata": {"name": "web", "namespace": "foo"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "web", "image": "web"}]
    return {"metadata": {"name": "web", "namespace": "foo"}, "spec": {"containers": containers, **spec}}


def service(*ports: dict[str, Any], name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "foo"},
        "spec": {"ports": list(ports) or [{"port": 80}], **spec},
    }


def refusal(writes: Writes, key: GroupResource, obj: dict[str, Any]) -> tuple[int, str, str]:
    with pytest.raises(ApiError) as caught:
        writes.create(key, obj, manager="test")
    return caught.value.code, caught.value.reason, caught.value.message


def test_a_created_object_carries_identity_defaults_and_its_first_status(writes):
    made = writes.create(PODS, pod(), manager="test")
    assert made["apiVersion"] == "v1"
    assert made["kind"] == "Pod"
    assert len(made["metadata"]["uid"]) == 36
    assert made["metadata"]["resourceVersion"] == str(writes.store.revision)
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["spec"]["restartPolicy"] == "Always"
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert made["spec"]["serviceAccountName"] == "default"


def test_a_rehearsal_stores_nothing(writes):
    before = writes.store.revision
    assert writes.create(PODS, pod(), manager="test", dry_run=True)["metadata"]["uid"]
    assert writes.store.revision == before
    assert writes.store.list(PODS) == []


def test_generated_names_differ(writes):
    template = pod() | {"metadata": {"generateName": "web-", "namespace": "foo"}}
    names = {writes.create(PODS, template, manager="test")["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


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


def invalid_causes(writes: Writes, spec: Any) -> list[dict[str, str]]:
    with pytest.raises(ApiError) as caught:
        writes.create(PEERS, peer_authentication(spec), manager="test")
    assert caught.value.code == 422
    assert caught.value.details is not None
    causes: list[dict[str, str]] = caught.value.details["causes"]
    return causes


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"mtls": {"mode": "STRIKT"}},
            "spec.mtls.mode",
            'Unsupported value: "STRIKT": supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"',
        ),
        (
            {"mtls": {"mode": 5}},
            "spec.mtls.mode",
            'Invalid value: "integer": spec.mtls.mode in body must be of type string: "integer"',
        ),
        (
            {"portLevelMtls": {}, "selector": {}},
            "spec.portLevelMtls",
            "Invalid value: 0: spec.portLevelMtls in body should have at least 1 properties",
        ),
        (
            {"portLevelMtls": {"80": {}}},
            "spec",
            'Invalid value: "object": portLevelMtls requires selector',
        ),
        (
            {"selector": {"matchLabels": {"app": "toolong"}}},
            "spec.selector.matchLabels.app",
            "Too long: may not be more than 5 bytes",
        ),
        (
            {"weight": 0},
            "spec.weight",
            "Invalid value: 0: spec.weight in body should be greater than or equal to 1",
        ),
        (
            {"weight": 10},
            "spec.weight",
            "Invalid value: 10: spec.weight in body should be less than or equal to 9",
        ),
        ({"hosts": ["a", "b", "c"]}, "spec.hosts", "Too many: 3: must have at most 2 items"),
        (
            {"hosts": ["a\n"]},
            "spec.hosts[0]",
            "Invalid value: \"a\\n\": spec.hosts[0] in body should match '^[a-z]+$'",
        ),
        (
            {"port": True},
            "spec.port",
            'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
        ),
        (
            {"match": {"exact": "a", "prefix": "b"}},
            "<nil>",
            'Invalid value: "": "spec.match" must validate one and only one schema (oneOf).'
            " Found 2 valid alternatives",
        ),
        (
            {"selector": None},
            "spec.selector",
            'Invalid value: "null": spec.selector in body must be of type object: "null"',
        ),
        (None, "spec", 'Invalid value: "null": spec in body must be of type object: "null"'),
    ],
)
def test_a_custom_resource_is_held_to_its_schema(writes, spec, field, message):
    causes = invalid_causes(writes, spec)
    assert (causes[0]["field"], causes[0]["message"]) == (field, message)


def test_oneof_without_any_match_names_what_is_missing(writes):
    causes = invalid_causes(writes, {"match": {}})
    assert [(cause["field"], cause["message"]) for cause in causes] == [
        (
            "<nil>",
            'Invalid value: "": "spec.match" must validate one and only one schema (oneOf). Found none valid',
        ),
        ("spec.match.exact", "Required value"),
    ]


def test_custom_resources_are_defaulted_pruned_and_keep_what_they_may(writes):
    spec = {"mtls": None, "port": "http", "anything": {"deep": [1]}, "unknown": 1, "selector": {"nope": 1}}
    stored = writes.create(PEERS, peer_authentication(spec), manager="test")
    assert stored["spec"] == {
        "mtls": None,
        "port": "http",
        "anything": {"deep": [1]},
        "retries": 3,
        "selector": {},
    }


def test_a_definition_cannot_take_the_place_of_a_built_in_kind(writes):
    definition = peer_authentications()
    definition["metadata"]["name"] = "deployments.apps"
    definition["spec"] |= {"group": "apps", "names": {"kind": "Deployment", "plural": "deployments"}}
    assert refusal(writes, CUSTOM_RESOURCE_DEFINITIONS, definition)[0] == 422
    assert writes.scheme.storage(DEPLOYMENTS).crd == ""


def test_a_definition_keeps_the_scope_of_its_objects(writes):
    changed = clone(
        writes.store.get(CUSTOM_RESOURCE_DEFINITIONS, "", "peerauthentications.security.istio.io")
    )
    changed["spec"]["scope"] = "Cluster"
    with pytest.raises(ApiError, match=r'spec\.scope: Invalid value: "Cluster": field is immutable'):
        writes.update(CUSTOM_RESOURCE_DEFINITIONS, changed, manager="test")


def test_objects_go_with_their_definition(writes):
    writes.create(PEERS, peer_authentication({}), manager="test")
    writes.delete(CUSTOM_RESOURCE_DEFINITIONS, "", "peerauthentications.security.istio.io")
    assert writes.store.list(PEERS) == []
    assert not writes.scheme.knows(PEERS)


def test_a_write_that_changes_nothing_keeps_the_revision(writes):
    made = writes.create(DEPLOYMENTS, deployment(), manager="test")
    assert writes.update(DEPLOYMENTS, made, manager="test") is made
    assert writes.store.revision == int(made["metadata"]["resourceVersion"])


def test_generation_counts_changes_of_the_spec_only(writes):
    made = clone(writes.create(DEPLOYMENTS, deployment(), manager="test"))
    made["metadata"]["labels"] = {"a": "b"}
    made = clone(writes.update(DEPLOYMENTS, made, manager="test"))
    assert made["metadata"]["generation"] == 1
    made["spec"]["replicas"] = 2
    assert writes.update(DEPLOYMENTS, made, manager="test")["metadata"]["generation"] == 2
    status = writes.set_status(DEPLOYMENTS, "foo", "web", {"replicas": 2}, manager="test")
    assert status is not None
    assert status["metadata"]["generation"] == 2


def test_a_stale_revision_is_a_conflict(writes):
    made = writes.create(DEPLOYMENTS, deployment(), manager="test")
    newer = clone(made)
    newer["spec"]["replicas"] = 2
    writes.update(DEPLOYMENTS, newer, manager="test")
    with pytest.raises(ApiError, match="the object has been modified; please apply your changes") as caught:
        writes.update(DEPLOYMENTS, newer, manager="test")
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")


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


def test_a_client_cannot_write_the_status_through_the_object(writes):
    made = clone(writes.create(PODS, pod(), manager="test"))
    made["status"] = {"phase": "Running"}
    assert writes.update(PODS, made, manager="test")["status"]["phase"] == "Pending"


def test_status_is_replaced_wholly_and_equal_status_is_no_write(writes):
    writes.create(PODS, pod(), manager="test")
    first = writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    assert first is not None
    assert first["status"] == {"phase": "Running", "podIP": "1.2.3.4"}
    again = writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    assert again is first
    assert writes.set_status(PODS, "foo", "absent", {}, manager="kubelet") is None


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


def test_a_finalizer_holds_an_object_until_it_is_taken_away(writes):
    obj = {"metadata": {"name": "held", "namespace": "foo", "finalizers": ["example.com/hold"]}}
    writes.create(CONFIG_MAPS, obj, manager="test")
    writes.delete(CONFIG_MAPS, "foo", "held")
    held = clone(writes.store.get(CONFIG_MAPS, "foo", "held"))
    assert held["metadata"]["deletionTimestamp"]
    held["metadata"]["finalizers"].append("example.com/more")
    with pytest.raises(ApiError, match="no new finalizers can be added if the object is being deleted"):
        writes.update(CONFIG_MAPS, held, manager="test")
    held["metadata"]["finalizers"] = []
    writes.update(CONFIG_MAPS, held, manager="test")
    assert writes.store.get(CONFIG_MAPS, "foo", "held") is None


def test_a_pod_that_has_run_is_given_time_to_end(writes):
    writes.create(PODS, pod(), manager="test")
    writes.set_status(PODS, "foo", "web", {"phase": "Running", "podIP": "1.2.3.4"}, manager="kubelet")
    writes.delete(PODS, "foo", "web")
    ending = writes.store.get(PODS, "foo", "web")
    assert ending is not None
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 30
    writes.delete(PODS, "foo", "web", grace_period=5)
    ending = clone(writes.store.get(PODS, "foo", "web"))
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 5
    ending["metadata"]["labels"] = {"still": "here"}
    writes.update(PODS, ending, manager="test")
    writes.delete(PODS, "foo", "web", grace_period=60)
    ending = writes.store.get(PODS, "foo", "web")
    assert ending is not None
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 5
    writes.delete(PODS, "foo", "web", grace_period=0)
    assert writes.store.get(PODS, "foo", "web") is None


def test_a_pod_that_never_ran_goes_at_once(writes):
    writes.create(PODS, pod(), manager="test")
    writes.delete(PODS, "foo", "web")
    assert writes.store.get(PODS, "foo", "web") is None


def test_a_terminating_namespace_takes_nothing_new_and_goes_when_released(writes):
    writes.delete(NAMESPACES, "", "foo")
    ending = clone(writes.store.get(NAMESPACES, "", "foo"))
    assert ending["status"]["phase"] == "Terminating"
    assert refusal(writes, CONFIG_MAPS, {"metadata": {"name": "z", "namespace": "foo"}}) == (
        403,
        "Forbidden",
        'configmaps "z" is forbidden: unable to create new content in namespace foo because it is being'
        " terminated",
    )
    ending["spec"]["finalizers"] = []
    writes.update(NAMESPACES, ending, manager="test", subresource="finalize")
    assert writes.store.get(NAMESPACES, "", "foo") is None


def test_admission_sees_defaults_and_identity_and_may_change_the_object(writes):
    seen = []

    def inject(new, old):
        seen.append((new["metadata"]["name"], "uid" in new["metadata"], old))
        new = clone(new)
        new["spec"]["containers"].append({**new["spec"]["containers"][0], "name": "istio-proxy"})
        return new

    writes.admit(PODS, inject)
    made = writes.create(PODS, pod(), manager="test")
    assert [container["name"] for container in made["spec"]["containers"]] == ["web", "istio-proxy"]
    assert seen == [("web", True, None)]


def test_a_denial_reads_like_a_webhooks(writes):
    def deny(new, old):
        raise Denied("no such thing here")

    writes.admit(PEERS, deny)
    assert refusal(writes, PEERS, peer_authentication({})) == (
        400,
        "",
        'admission webhook "validation.istio.io" denied the request: no such thing here',
    )


def test_an_invalid_field_reads_like_a_cel_rules(writes):
    def check(new, old):
        raise Invalid("spec", "portLevelMtls requires selector")

    writes.admit(PEERS, check)
    assert refusal(writes, PEERS, peer_authentication({}, name="x"))[2] == (
        'PeerAuthentication.security.istio.io "x" is invalid: spec: Invalid value: "object":'
        " portLevelMtls requires selector"
    )


def test_a_review_is_asked_about_valid_objects_only(writes):
    seen = []

    def review(new):
        seen.append(new["spec"])
        if "selector" in new["spec"]:
            raise Denied("no selectors here")
        return ["think twice"]

    writes.review(PEERS, review)
    assert refusal(writes, PEERS, peer_authentication({"mtls": {"mode": "NO"}}))[0] == 422
    assert seen == []
    assert refusal(writes, PEERS, peer_authentication({"selector": {}})) == (
        400,
        "",
        'admission webhook "validation.istio.io" denied the request: no selectors here',
    )
    options = WriteOptions("test")
    resource = writes.scheme.storage(PEERS)
    at_once(writes.pipeline.create(resource, "foo", peer_authentication({}), options))
    assert options.warnings == ["think twice"]


def test_what_admission_adds_is_validated(writes):
    writes.admit(PODS, lambda new, old: {**new, "spec": {**new["spec"], "containers": []}})
    assert refusal(writes, PODS, pod())[2] == 'Pod "web" is invalid: spec.containers: Required value'


def test_the_same_event_is_counted_and_another_is_recorded(writes):
    made = writes.create(PODS, pod(), manager="test")
    for message in ("pulled a", "pulled a", "pulled b"):
        writes.emit(made, reason="Pulled", message=message, component="kubelet")
    events = writes.store.list(EVENTS, "foo")
    assert sorted((event["message"], event["count"]) for event in events) == [
        ("pulled a", 2),
        ("pulled b", 1),
    ]
    assert events[0]["involvedObject"]["uid"] == made["metadata"]["uid"]


def test_an_event_of_a_namespace_on_its_way_out_is_not_recorded(writes):
    made = writes.create(PODS, pod(), manager="test")
    writes.delete(NAMESPACES, "", "foo")
    writes.emit(made, reason="Killing", message="bye", component="kubelet")
    assert writes.store.list(EVENTS) == []


def test_secrets_store_what_was_written_as_text_in_base64(writes):
    secret = {"metadata": {"name": "s", "namespace": "foo"}, "stringData": {"a": "geheim"}}
    made = writes.create(SECRETS, secret, manager="test")
    assert made["data"] == {"a": "Z2VoZWlt"}
    assert "stringData" not in made
    assert made["type"] == "Opaque"
    broken = {"metadata": {"name": "t", "namespace": "foo"}, "data": {"a": "not base64!"}}
    assert refusal(writes, SECRETS, broken) == (
        400,
        "BadRequest",
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3',
    )
