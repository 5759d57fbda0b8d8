"""kubectl 1.32 against the API server's core, word for word."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube.group_resources import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES
from tests.kube.mesh_crd import CEL_RULES, peer_authentication, peer_authentications
from tests.kube.served import Served, serving

BAD_MODE = (
    'The PeerAuthentication "default" is invalid: spec.mtls.mode: Unsupported value: "STRIKT":'
    ' supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"\n'
)
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", ports: [{containerPort: 80}]}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        served.objects.scheme.cel_rules.update(CEL_RULES)
        crds = CUSTOM_RESOURCE_DEFINITIONS
        served.within(lambda: served.objects.create(crds, peer_authentications(), manager="test"))
        yield served


@pytest.fixture
def namespace(cluster: Served) -> str:
    name = f"ns-{uuid.uuid4().hex[:8]}"
    cluster.within(lambda: cluster.objects.create(NAMESPACES, {"metadata": {"name": name}}, manager="test"))
    return name


def peer(spec: dict[str, Any], namespace: str) -> str:
    return json.dumps(peer_authentication(spec, namespace=namespace))


def test_version_has_no_skew(cluster):
    version = cluster.run("version")
    assert "Server Version: v1.32" in version.stdout
    assert "WARNING" not in version.stdout + version.stderr


def test_apply_creates_leaves_alone_and_configures(cluster, namespace):
    name = "peerauthentication.security.istio.io/default"
    strict = peer({"mtls": {"mode": "STRICT"}}, namespace)
    assert cluster.kubectl("apply", "-f", "-", stdin=strict) == f"{name} created\n"
    assert cluster.kubectl("apply", "-f", "-", stdin=strict) == f"{name} unchanged\n"
    open_ = peer({"mtls": {"mode": "PERMISSIVE"}}, namespace)
    assert cluster.kubectl("apply", "-f", "-", stdin=open_) == f"{name} configured\n"
    mode = cluster.kubectl("-n", namespace, "get", "pa", "default", "-o", "jsonpath={.spec.mtls.mode}")
    assert mode == "PERMISSIVE"
    assert cluster.kubectl("delete", "-f", "-", stdin=open_) == (
        'peerauthentication.security.istio.io "default" deleted\n'
    )


def test_wrong_policies_are_refused_as_by_a_real_server(cluster, namespace):
    assert (
        cluster.refused("apply", "-f", "-", stdin=peer({"mtls": {"mode": "STRIKT"}}, namespace)) == BAD_MODE
    )
    typo = cluster.refused("apply", "-f", "-", stdin=peer({"mtlss": {}}, namespace))
    assert typo == (
        'Error from server (BadRequest): error when creating "STDIN": PeerAuthentication in version "v1"'
        ' cannot be handled as a PeerAuthentication: strict decoding error: unknown field "spec.mtlss"\n'
    )
    ports = cluster.refused("apply", "-f", "-", stdin=peer({"portLevelMtls": {"80": {}}}, namespace))
    assert ports == (
        'The PeerAuthentication "default" is invalid: spec: Invalid value: "object":'
        " portLevelMtls requires selector\n"
    )
    warned = cluster.run("apply", "--validate=warn", "-f", "-", stdin=peer({"mtlss": {}}, namespace))
    assert warned.stderr == 'Warning: unknown field "spec.mtlss"\n'
    assert warned.returncode == 0


def test_a_deployment_with_a_wrong_selector_is_refused(cluster, namespace):
    wrong = DEPLOYMENT.replace("matchLabels: {app: web}", "matchLabels: {app: api}")
    assert cluster.refused("-n", namespace, "apply", "-f", "-", stdin=wrong) == (
        'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value:'
        ' map[string]string{"app":"web"}: `selector` does not match template `labels`\n'
    )


def test_server_side_apply_conflicts_and_force(cluster, namespace):
    strict = peer({"mtls": {"mode": "STRICT"}}, namespace)
    applied = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=strict)
    assert applied == "peerauthentication.security.istio.io/default serverside-applied\n"
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    disable = peer({"mtls": {"mode": "DISABLE"}}, namespace)
    complaint = cluster.refused(*other, stdin=disable)
    assert complaint.startswith(
        'error: Apply failed with 1 conflict: conflict with "kubectl": .spec.mtls.mode\n'
    )
    cluster.kubectl(*other, "--force-conflicts", stdin=disable)
    assert cluster.kubectl("-n", namespace, "get", "pa", "-o", "jsonpath={..mode}") == "DISABLE"


def test_server_side_apply_after_client_side_apply_takes_it_over(cluster, namespace):
    applied = cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=DEPLOYMENT)
    assert applied == "deployment.apps/web created\n"
    changed = DEPLOYMENT.replace("web:1", "web:2")
    done = cluster.run(
        "-n", namespace, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=changed
    )
    assert (done.returncode, done.stderr) == (0, "")
    deployment = json.loads(
        cluster.kubectl("-n", namespace, "get", "deploy", "web", "-o", "json", "--show-managed-fields")
    )
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    managers = {entry["manager"] for entry in deployment["metadata"]["managedFields"]}
    assert "kubectl" in managers
    assert "kubectl-client-side-apply" not in managers


def test_get_prints_tables_names_and_paths(cluster, namespace):
    cluster.kubectl("apply", "-f", "-", stdin=peer({"mtls": {"mode": "STRICT"}}, namespace))
    table = cluster.kubectl("-n", namespace, "get", "pa")
    assert re.fullmatch(r"NAME +MODE +AGE\ndefault +STRICT +\ds\n", table)
    everywhere = cluster.kubectl("get", "pa", "-A")
    assert re.search(rf"^{namespace} +default +STRICT +\ds$", everywhere, re.MULTILINE)
    assert cluster.kubectl("-n", namespace, "get", "pa", "-o", "name") == (
        "peerauthentication.security.istio.io/default\n"
    )
    older = cluster.kubectl(
        "-n", namespace, "get", "peerauthentications.v1beta1.security.istio.io", "-o", "yaml"
    )
    assert "apiVersion: security.istio.io/v1beta1\n" in older
    assert "  kind: PeerAuthentication\n" in older


def test_get_of_nothing(cluster, namespace):
    none = cluster.run("-n", namespace, "get", "pa")
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == f"No resources found in {namespace} namespace.\n"
    assert cluster.refused("-n", namespace, "get", "deploy", "absent") == (
        'Error from server (NotFound): deployments.apps "absent" not found\n'
    )
    assert cluster.refused("get", "nonsense") == (
        'error: the server doesn\'t have a resource type "nonsense"\n'
    )


def test_pods_are_shown_as_users_know_them(cluster, namespace):
    cluster.kubectl("-n", namespace, "run", "web", "--image=web")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=5s")
    wide = cluster.kubectl("-n", namespace, "get", "pods", "-o", "wide").splitlines()
    assert wide[0].split("  ")[0] == "NAME"
    columns = [column.strip() for column in re.split(r"\s{2,}", wide[0])]
    assert columns == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "IP",
        "NODE",
        "NOMINATED NODE",
        "READINESS GATES",
    ]
    assert re.match(r"web +1/1 +Running +0 +\ds +10\.244\.0\.\d+ +node-0 +<none> +<none>", wide[1])
    assert cluster.kubectl("-n", namespace, "delete", "pod", "web") == 'pod "web" deleted\n'


def test_label_annotate_and_patch(cluster, namespace):
    cluster.kubectl("apply", "-f", "-", stdin=peer({"weight": 1}, namespace))
    in_namespace = ("-n", namespace)
    assert cluster.kubectl(*in_namespace, "label", "pa", "default", "tier=front").endswith(
        "/default labeled\n"
    )
    assert "tier=front" in cluster.kubectl(*in_namespace, "get", "pa", "--show-labels", "-l", "tier=front")
    assert cluster.kubectl(*in_namespace, "get", "pa", "-l", "tier=back") == ""
    assert cluster.kubectl(*in_namespace, "annotate", "pa", "default", "a=b").endswith("annotated\n")
    merge = ("patch", "pa", "default", "--type=merge", "-p")
    assert cluster.kubectl(*in_namespace, *merge, '{"spec":{"weight":2}}').endswith("/default patched\n")
    assert cluster.kubectl(*in_namespace, *merge, '{"spec":{"weight":2}}').endswith("patched (no change)\n")
    test = '[{"op":"test","path":"/spec/weight","value":9}]'
    assert cluster.refused(*in_namespace, "patch", "pa", "default", "--type=json", "-p", test) == (
        "The request is invalid: the server rejected our request due to an error in our request\n"
    )
    strategic = cluster.refused(*in_namespace, "patch", "pa", "default", "-p", "{}")
    assert strategic.startswith(
        "error: application/strategic-merge-patch+json is not supported by security.istio.io/v1,"
        " Kind=PeerAuthentication"
    )


def test_a_strategic_patch_adds_to_one_container(cluster, namespace):
    cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=DEPLOYMENT)
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}]}}}}'
    cluster.kubectl("-n", namespace, "patch", "deploy", "web", "-p", patch)
    container = json.loads(cluster.kubectl("-n", namespace, "get", "deploy", "web", "-o", "json"))["spec"][
        "template"
    ]["spec"]["containers"][0]
    assert container["env"] == [{"name": "A", "value": "1"}]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_diff_shows_what_apply_would_do_and_does_nothing(cluster, namespace):
    cluster.kubectl("apply", "-f", "-", stdin=peer({"mtls": {"mode": "STRICT"}}, namespace))
    same = cluster.run("diff", "-f", "-", stdin=peer({"mtls": {"mode": "STRICT"}}, namespace))
    assert (same.returncode, same.stdout) == (0, "")
    other = cluster.run("diff", "-f", "-", stdin=peer({"mtls": {"mode": "DISABLE"}}, namespace))
    assert other.returncode == 1
    assert "-    mode: STRICT\n+    mode: DISABLE\n" in other.stdout
    assert cluster.kubectl("-n", namespace, "get", "pa", "-o", "jsonpath={..mode}") == "STRICT"


def test_wait_for_a_value_and_for_the_end(cluster, namespace):
    cluster.kubectl("apply", "-f", "-", stdin=peer({"weight": 1}, namespace))
    waited = cluster.kubectl(
        "-n", namespace, "wait", "pa/default", "--for=jsonpath={.spec.weight}=1", "--timeout=5s"
    )
    assert waited == "peerauthentication.security.istio.io/default condition met\n"
    # kubectl's own log may stand before it, depending on when its watch ended.
    assert cluster.refused("-n", namespace, "wait", "pa/default", "--for=delete", "--timeout=1s").endswith(
        "error: timed out waiting for the condition on peerauthentications/default\n"
    )
    established = cluster.kubectl(
        "wait", "--for=condition=established", "crd/peerauthentications.security.istio.io", "--timeout=5s"
    )
    assert established.endswith("condition met\n")


def test_explain_knows_built_in_kinds_and_custom_ones(cluster):
    replicas = cluster.kubectl("explain", "deployment.spec.replicas")
    assert "FIELD: replicas <integer>" in replicas
    assert "Number of desired pods." in replicas
    policy = cluster.kubectl("explain", "pa.spec")
    assert "GROUP:      security.istio.io\n" in policy
    assert "Who may talk to whom, and how." in policy
    assert re.search(r"^  portLevelMtls\t<map\[string\]Object>", policy, re.MULTILINE)
    mode = cluster.kubectl("explain", "pa.spec.mtls.mode")
    assert "    STRICT\n" in mode
    assert cluster.refused("explain", "pa.spec.nothing") == 'error: field "nothing" does not exist\n'


def test_selectors_that_are_wrong(cluster):
    field = cluster.refused("get", "pods", "--field-selector=a=b")
    assert field.endswith("field label not supported: a\n")
    assert cluster.refused("get", "pods", "-l", "a b").startswith("Error from server (BadRequest)")


def test_the_namespaces_a_cluster_needs_stay(cluster):
    assert cluster.refused("delete", "ns", "default") == (
        'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be'
        " deleted\n"
    )


def test_everything_in_a_terminating_namespace_goes_even_what_has_a_finalizer_once_it_is_let_go(
    cluster, namespace
):
    held = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "held", "namespace": namespace, "finalizers": ["example.com/hold"]},
        }
    )
    cluster.kubectl("apply", "-f", "-", stdin=held)
    cluster.kubectl("delete", "ns", namespace, "--wait=false")
    assert re.search(rf"{namespace} +Terminating", cluster.kubectl("get", "ns", namespace))
    assert cluster.refused("-n", namespace, "create", "cm", "z") == (
        'error: failed to create configmap: configmaps "z" is forbidden: unable to create new content in'
        f" namespace {namespace} because it is being terminated\n"
    )
    release = '{"metadata":{"finalizers":null}}'
    cluster.kubectl("-n", namespace, "patch", "cm", "held", "--type=merge", "-p", release)
    cluster.kubectl("wait", "--for=delete", f"ns/{namespace}", "--timeout=5s")


def test_a_definition_with_a_rule_that_nobody_knows_says_so(cluster):
    definition = peer_authentications(
        {"type": "object", "x-kubernetes-validations": [{"rule": "self.mystery() < 7"}]}
    )
    definition["metadata"]["name"] = "others.example.com"
    definition["spec"] |= {"group": "example.com", "names": {"kind": "Other", "plural": "others"}}
    applied = cluster.run("apply", "-f", "-", stdin=json.dumps(definition))
    assert applied.stdout == "customresourcedefinition.apiextensions.k8s.io/others.example.com created\n"
    assert applied.stderr == (
        'Warning: this server cannot evaluate the rule "self.mystery() < 7" (undeclared reference to'
        " 'mystery'): what breaks it is stored all the same\n"
    )
    other = {"apiVersion": "example.com/v1", "kind": "Other", "metadata": {"name": "x"}, "spec": {}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(other))
