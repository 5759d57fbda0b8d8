"""The kinds that installers bring: stored, shown and validated, though nothing here acts on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.kube.served import Served, serving

ROLE = "rbac.authorization.k8s.io"
MANIFEST = Path(__file__).with_name("stored_only.yaml").read_text()
KINDS = MANIFEST.count("apiVersion: ") - 1  # an autoscaler names one, too
SHOWN = {
    "clusterrole": "NAME   CREATED AT\nweb    TIME",
    "clusterrolebinding": "NAME   ROLE              AGE   USERS   GROUPS   SERVICEACCOUNTS\n"
    "web    ClusterRole/web   0s    jane    dev      default/robot",
    "role": "NAME   CREATED AT\nweb    TIME",
    "rolebinding": "NAME   ROLE       AGE   USERS   GROUPS   SERVICEACCOUNTS\n"
    "web    Role/web   0s    jane    dev      default/robot",
    "ds": "NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE   CONTAINERS   IMAGES   SELECTOR\n"  # noqa: E501
    "web    0         0         0       0            0           <none>          0s    web          app:1    app=web",  # noqa: E501
    "jobs": "NAME   STATUS    COMPLETIONS   DURATION   AGE   CONTAINERS   IMAGES   SELECTOR\n"
    "web    Running   0/1                      0s    web          app:1    <none>",
    "cj": "NAME   SCHEDULE      TIMEZONE   SUSPEND   ACTIVE   LAST SCHEDULE   AGE   CONTAINERS   IMAGES\n"
    "web    */5 * * * *   <none>     False     0        <none>          0s    web          app:1",
    "hpa": "NAME   REFERENCE        TARGETS              MINPODS   MAXPODS   REPLICAS   AGE\n"
    "web    Deployment/web   cpu: <unknown>/80%   1         3         0          0s",
    "pdb": "NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE\n"
    "web    1               N/A               0                     0s",
    "csr": "NAME   AGE   SIGNERNAME         REQUESTOR          REQUESTEDDURATION   CONDITION\n"
    "web    0s    example.com/mesh   kubernetes-admin   <none>              Pending",
    "ing": "NAME   CLASS   HOSTS         ADDRESS   PORTS   AGE\n"
    "web    web     foo.example             80      0s",
    "ingressclass": "NAME   CONTROLLER         PARAMETERS   AGE\nweb    example.com/mesh   <none>       0s",
    "netpol": "NAME   POD-SELECTOR   AGE\nweb    app=web        0s",
    "validatingadmissionpolicies": "NAME   VALIDATIONS   PARAMKIND   AGE\n"
    "web    1             <unset>     0s",
    "validatingadmissionpolicybindings": "NAME   POLICYNAME   PARAMREF   AGE\n"
    "web    web          <unset>    0s",
    "pc": "NAME   VALUE   GLOBAL-DEFAULT   AGE   PREEMPTIONPOLICY\n"
    "web    1000    false            0s    PreemptLowerPriority",
}
WARNINGS = dedent(
    """\
    Warning: nothing in this cluster acts on a DaemonSet: it is stored, but no pods come of it
    Warning: nothing in this cluster acts on a Job: it is stored, but no pods come of it
    Warning: nothing in this cluster acts on a CronJob: it is stored, but no pods come of it
    Warning: nothing in this cluster enforces a NetworkPolicy: it is stored, but all traffic goes on
    """
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        done = served.run("apply", "-f", "-", stdin=MANIFEST)
        assert (done.returncode, done.stderr) == (0, WARNINGS)
        assert done.stdout.count(" created\n") == KINDS
        yield served


def test_applying_again_warns_no_more(cluster):
    again = cluster.run("apply", "-f", "-", stdin=MANIFEST)
    assert again.stderr == ""
    # kubectl itself sends lists that it has to replace each time.
    replaced = (
        "clusterrolebinding",
        "rolebinding",
        "poddisruptionbudget",
        "networkpolicy",
        "certificatesigningrequest",
        "validatingadmissionpolicy.",
    )
    changed = [line for line in again.stdout.splitlines() if not line.endswith(" unchanged")]
    assert [line for line in changed if not line.startswith(replaced)] == []


@pytest.mark.parametrize("kind", SHOWN)
def test_columns(cluster, kind):
    table = cluster.kubectl("get", kind, "web", "-o", "wide")
    lines = [line.rstrip() for line in table.splitlines()]
    if lines[0].endswith("CREATED AT"):
        lines[1] = lines[1].split()[0] + "    TIME"
    assert _without_ages(lines) == _without_ages(SHOWN[kind].splitlines())


def _without_ages(lines: list[str]) -> list[list[str]]:
    return [
        ["AGE" if word[:-1].isdigit() and word[-1] == "s" else word for word in line.split()]
        for line in lines
    ]


def test_unknown_and_missing_fields_are_refused(cluster):
    role = {"apiVersion": f"{ROLE}/v1", "kind": "Role", "metadata": {"name": "typo"}, "rulez": []}
    said = cluster.refused("create", "-f", "-", stdin=json.dumps(role))
    assert 'strict decoding error: unknown field "rulez"' in said
    budget = {"apiVersion": f"{ROLE}/v1", "kind": "RoleBinding", "metadata": {"name": "x"}}
    said = cluster.refused("create", "-f", "-", stdin=json.dumps(budget))
    assert said.endswith("roleRef: Required value\n")


def test_the_role_of_a_binding_stays(cluster):
    patch = '{"roleRef": {"name": "other"}}'
    assert cluster.refused("patch", "clusterrolebinding", "web", "-p", patch) == (
        'The ClusterRoleBinding "web" is invalid: roleRef: Invalid value: rbac.RoleRef{APIGroup:'
        '"rbac.authorization.k8s.io", Kind:"ClusterRole", Name:"other"}: cannot change roleRef\n'
    )


def test_roles_have_names_that_others_may_not(cluster):
    role: Any = {
        "apiVersion": f"{ROLE}/v1",
        "kind": "Role",
        "metadata": {"name": "system:Node%"},
        "rules": [],
    }
    assert "may not be '.' or '..', nor contain '/' or '%'" in cluster.refused(
        "create", "-f", "-", stdin=json.dumps(role)
    )
    role["metadata"]["name"] = "system:Node"
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(role))
    assert cluster.kubectl("get", "role", "system:Node", "-o", "name") == f"role.{ROLE}/system:Node\n"


def test_a_signing_request_is_approved(cluster):
    request = json.loads(cluster.kubectl("get", "csr", "web", "-o", "json"))
    assert (request["spec"]["username"], request["spec"]["groups"]) == (
        "kubernetes-admin",
        ["system:masters", "system:authenticated"],
    )
    request["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Test"}]}
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests/web/approval"
    cluster.kubectl("replace", "--raw", path, "-f", "-", stdin=json.dumps(request))
    assert cluster.kubectl("get", "csr", "web", "--no-headers").split()[-1] == "Approved"


def _may(cluster: Served, user: str, what: dict[str, Any]) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, **what},
    }
    made = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
    return json.loads(made)["status"]["allowed"]


def test_who_may_do_what(cluster):
    pods, health = {"resourceAttributes": {"verb": "get", "resource": "pods"}}, "/healthz"
    assert cluster.kubectl("auth", "can-i", "create", "pods", "--as", "bob") == "yes\n"
    assert _may(cluster, "bob", pods)
    assert _may(cluster, "system:anonymous", {"nonResourceAttributes": {"verb": "get", "path": health}})
    assert not _may(cluster, "system:anonymous", pods)
    # ... and so it is.
    assert cluster.refused("get", "pods", "--as", "system:anonymous") == (
        'Error from server (Forbidden): pods is forbidden: User "system:anonymous" cannot list resource'
        ' "pods" in API group "" in the namespace "default"\n'
    )
    assert cluster.kubectl("auth", "whoami", "--as", "bob", "--as-group", "dev").splitlines()[1:] == [
        "Username    bob",
        "Groups      [dev system:authenticated]",
    ]
    assert cluster.kubectl("auth", "whoami", "--as", "system:serviceaccount:foo:robot").splitlines()[2] == (
        "Groups      [system:serviceaccounts system:serviceaccounts:foo system:authenticated]"
    )


def _webhooks(**changed: object) -> str:
    webhook: Any = {
        "name": "a.b.example",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1/"},
        "sideEffects": "None",
    }
    webhook = {name: value for name, value in (webhook | changed).items() if value is not None}
    return json.dumps(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "wrong"},
            "webhooks": [webhook],
        }
    )


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"sideEffects": None}, "webhooks[0].sideEffects: Required value"),
        ({"sideEffects": "Some"}, '"Some": supported values: "None", "NoneOnDryRun"'),
        ({"name": "short"}, "should be a domain with at least three segments separated by dots"),
        ({"timeoutSeconds": 31}, "the timeout value must be between 1 and 30 seconds"),
        ({"clientConfig": {}}, "clientConfig: Required value: exactly one of url or service is required"),
        ({"clientConfig": {"url": "http://x"}}, "'https' is the only allowed URL scheme"),
        ({"clientConfig": {"url": "https://x:99999/"}}, "url must be a valid URL: Port out of range"),
        ({"clientConfig": {"url": "https://a:b@x/"}}, "user information is not permitted in the URL"),
        ({"clientConfig": {"url": "https://x/?a=b"}}, "query parameters are not permitted in the URL"),
        ({"clientConfig": {"url": "https:///x"}}, "host must be specified"),
        ({"admissionReviewVersions": ["v2"]}, "must include at least one of v1, v1beta1"),
        (
            {"matchConditions": [{"name": "x", "expression": "object.("}]},
            "compilation failed: ERROR: <input>:1:8: Syntax error",
        ),
        (
            {"matchConditions": [{"name": "x", "expression": "self == 1"}]},
            "undeclared reference to 'self'",
        ),
        ({"failurePolicy": "Maybe"}, 'Unsupported value: "Maybe"'),
        ({"rules": [{"operations": ["READ"]}]}, 'Unsupported value: "READ"'),
    ],
)
def test_wrong_webhook_configurations(cluster, changed, complaint):
    assert complaint in cluster.refused("create", "-f", "-", stdin=_webhooks(**changed))


def test_webhook_configurations_have_defaults(cluster):
    cluster.kubectl("create", "-f", "-", stdin=_webhooks().replace("wrong", "right"))
    found = json.loads(cluster.kubectl("get", "mutatingwebhookconfiguration", "right", "-o", "json"))
    webhook = found["webhooks"][0]
    assert (
        webhook.items()
        >= {
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "timeoutSeconds": 10,
            "reinvocationPolicy": "Never",
            "namespaceSelector": {},
            "objectSelector": {},
        }.items()
    )
    cluster.kubectl("delete", "mutatingwebhookconfiguration", "right")
