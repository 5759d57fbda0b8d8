"""Golden transcripts: what kubectl prints against this server, as an experienced user expects to see it.

Names that the cluster makes up are shown as `web-HHHHHHHHHH-SSSSS` (of the same width) and ages as `0s`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from textwrap import dedent

import pytest
import yaml

from tests.kube.served import Served, serving

MANIFEST = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 8000, targetPort: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: v1}}
    spec:
      serviceAccountName: web
      containers: [{name: app, image: "app:1", ports: [{containerPort: 80}]}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("cluster")) as served:
        served.kubectl("create", "ns", "foo")
        served.kubectl("apply", "-n", "foo", "-f", "-", stdin=MANIFEST)
        served.kubectl("-n", "foo", "rollout", "status", "deploy/web", "--timeout=5s")
        yield served


def redacted(text: str) -> str:
    text = re.sub(r"web-[a-z0-9]{10}-[a-z0-9]{5}\b", "web-HHHHHHHHHH-SSSSS", text)
    text = re.sub(r"web-[a-z0-9]{10}\b", "web-HHHHHHHHHH", text)
    text = re.sub(r"pod-template-hash=[a-z0-9]{10}\b", "pod-template-hash=HASH", text)
    text = re.sub(r"endpointslice(\S*)/web-[a-z0-9]{5}\b", r"endpointslice\1/web-SSSSS", text)
    # However slowly we look at it: in the column of ages, "10s" is as wide as "0s" and a space.
    text = re.sub(r"(?m)\b\d+[smh]$", "0s", text)
    text = re.sub(r"\b\d+[smh]\b", lambda age: "0s".ljust(len(age[0])), text)
    text = re.sub(r"(?m)^(CreationTimestamp:\s+).*$", r"\1TIME", text)
    # Pods of one moment are listed by their random names: their addresses come in either order.
    text = re.sub(r"10\.244\.0\.[23]\b", "10.244.0.N", text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


def shown(cluster: Served, line: str, *, stdin: str | None = None) -> str:
    """What a command prints, redacted. `line` is what follows `kubectl`, split at blanks."""
    return redacted(cluster.kubectl(*line.split(), stdin=stdin))


GET = {
    "-n foo get all": """\
        NAME                       READY   STATUS    RESTARTS   AGE
        pod/web-HHHHHHHHHH-SSSSS   1/1     Running   0          0s
        pod/web-HHHHHHHHHH-SSSSS   1/1     Running   0          0s

        NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        service/web   ClusterIP   10.96.0.2    <none>        8000/TCP   0s

        NAME                  READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/web   2/2     2            2           0s

        NAME                             DESIRED   CURRENT   READY   AGE
        replicaset.apps/web-HHHHHHHHHH   2         2         2       0s
        """,
    "get svc -A": """\
        NAMESPACE   NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        default     kubernetes   ClusterIP   10.96.0.1    <none>        443/TCP    0s
        foo         web          ClusterIP   10.96.0.2    <none>        8000/TCP   0s
        """,
    "-n foo get deploy -o wide": """\
        NAME   READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES   SELECTOR
        web    2/2     2            2           0s    app          app:1    app=web
        """,
    "-n foo get pods --show-labels": """\
        NAME                   READY   STATUS    RESTARTS   AGE   LABELS
        web-HHHHHHHHHH-SSSSS   1/1     Running   0          0s    app=web,pod-template-hash=HASH,version=v1
        web-HHHHHHHHHH-SSSSS   1/1     Running   0          0s    app=web,pod-template-hash=HASH,version=v1
        """,
    "-n foo get pods -l version=v1 -L app --no-headers": """\
        web-HHHHHHHHHH-SSSSS   1/1   Running   0     0s    web
        web-HHHHHHHHHH-SSSSS   1/1   Running   0     0s    web
        """,
    "-n foo get pods -l version!=v1,app -o name": "",
    "-n foo get deploy,svc -o name": """\
        deployment.apps/web
        service/web
        """,
    "-n foo get ep,endpointslices": """\
        NAME            ENDPOINTS                     AGE
        endpoints/web   10.244.0.N:80,10.244.0.N:80   0s

        NAME                                       ADDRESSTYPE   PORTS   ENDPOINTS               AGE
        endpointslice.discovery.k8s.io/web-SSSSS   IPv4          80      10.244.0.N,10.244.0.N   0s
        """,
    "-n foo get sa,cm": """\
        NAME                     SECRETS   AGE
        serviceaccount/default   0         0s
        serviceaccount/web       0         0s

        NAME                         DATA   AGE
        configmap/kube-root-ca.crt   1      0s
        """,
    "get ns": """\
        NAME              STATUS   AGE
        default           Active   0s
        foo               Active   0s
        kube-node-lease   Active   0s
        kube-public       Active   0s
        kube-system       Active   0s
        """,
    "get ns -o custom-columns=NAME:.metadata.name,PHASE:.status.phase --no-headers": """\
        default           Active
        foo               Active
        kube-node-lease   Active
        kube-public       Active
        kube-system       Active
        """,
    "-n foo get svc web -o jsonpath={.spec.ports[0].port}": "8000",
    "-n foo get pods -o jsonpath={range.items[*]}{.status.podIP}{';'}{end}": "10.244.0.N;10.244.0.N;",
    "get --raw /healthz": "ok",
}


@pytest.mark.parametrize("line", GET)
def test_get(cluster, line):
    assert shown(cluster, line) == dedent(GET[line])


def test_get_yaml_and_json_are_the_same_object(cluster):
    printed = cluster.kubectl("-n", "foo", "get", "svc", "web", "-o", "yaml")
    found = yaml.safe_load(printed)
    assert found == yaml.safe_load(cluster.kubectl("-n", "foo", "get", "svc", "web", "-o", "json"))
    assert "managedFields" not in found["metadata"]
    assert found["spec"] == {
        "clusterIP": "10.96.0.2",
        "clusterIPs": ["10.96.0.2"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 80}],
        "selector": {"app": "web"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }
    assert found["status"] == {"loadBalancer": {}}


def test_get_nothing(cluster):
    empty = cluster.run("get", "pods")
    assert (empty.stdout, empty.stderr) == ("", "No resources found in default namespace.\n")
    everywhere = cluster.run("get", "secrets", "-A")
    assert (everywhere.stdout, everywhere.stderr) == ("", "No resources found\n")
    nowhere = cluster.run("-n", "no-such-namespace", "get", "pods")
    assert (nowhere.returncode, nowhere.stderr) == (
        0,
        "No resources found in no-such-namespace namespace.\n",
    )


REFUSALS = {
    "get pod nope": 'Error from server (NotFound): pods "nope" not found\n',
    "get deploy nope": 'Error from server (NotFound): deployments.apps "nope" not found\n',
    "get nosuchkind": 'error: the server doesn\'t have a resource type "nosuchkind"\n',
    "delete ns nope": 'Error from server (NotFound): namespaces "nope" not found\n',
    "-n nope create cm x": ('error: failed to create configmap: namespaces "nope" not found\n'),
    "--token wrong get pods": "error: You must be logged in to the server (Unauthorized)\n",
    "get pods --field-selector=spec.nope=1": (
        'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", '
        'field selector "spec.nope=1": field label not supported: spec.nope\n'
    ),
}


@pytest.mark.parametrize("line", REFUSALS)
def test_refusals(cluster, line):
    assert cluster.refused(*line.split()) == REFUSALS[line]


def test_watch_shows_each_change(cluster):
    command = ["kubectl", "-n", "foo", "get", "cm", "-w", "--no-headers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment()) as watching:
        assert watching.stdout
        lines = [watching.stdout.readline()]
        cluster.kubectl("-n", "foo", "create", "cm", "seen", "--from-literal=a=b")
        lines.append(watching.stdout.readline())
        cluster.kubectl("-n", "foo", "delete", "cm", "seen")
        lines.append(watching.stdout.readline())
        watching.terminate()
    assert [line.split()[:2] for line in lines] == [["kube-root-ca.crt", "1"], ["seen", "1"], ["seen", "1"]]


DESCRIBE_DEPLOYMENT = """\
Name:                   web
Namespace:              foo
CreationTimestamp:      TIME
Labels:                 <none>
Annotations:            deployment.kubernetes.io/revision: 1
Selector:               app=web
Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
Pod Template:
  Labels:           app=web
                    version=v1
  Service Account:  web
  Containers:
   app:
    Image:         app:1
    Port:          80/TCP
    Host Port:     0/TCP
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
  Progressing    True    NewReplicaSetAvailable
OldReplicaSets:  <none>
NewReplicaSet:   web-HHHHHHHHHH (2/2 replicas created)
Events:
  Type    Reason             Age   From                   Message
  ----    ------             ----  ----                   -------
  Normal  ScalingReplicaSet  0s    deployment-controller  Scaled up replica set web-HHHHHHHHHH from 0 to 2
"""

DESCRIBE_SERVICE = """\
Name:                     web
Namespace:                foo
Labels:                   app=web
Annotations:              <none>
Selector:                 app=web
Type:                     ClusterIP
IP Family Policy:         SingleStack
IP Families:              IPv4
IP:                       10.96.0.2
IPs:                      10.96.0.2
Port:                     http  8000/TCP
TargetPort:               80/TCP
Endpoints:                10.244.0.N:80,10.244.0.N:80
Session Affinity:         None
Internal Traffic Policy:  Cluster
Events:                   <none>
"""

DESCRIBE_POD = """\
Name:             web-HHHHHHHHHH-SSSSS
Namespace:        foo
Service Account:  web
Node:             node-0/10.244.0.1
Start Time:       Thu, 01 Jan 2026 00:00:00 +0000
Labels:           app=web
                  pod-template-hash=HASH
                  version=v1
Annotations:      <none>
Status:           Running
IP:               10.244.0.N
IPs:
  IP:           10.244.0.N
Controlled By:  ReplicaSet/web-HHHHHHHHHH
Containers:
  app:
    Container ID:   \n\
    Image:          app:1
    Image ID:       \n\
    Port:           80/TCP
    Host Port:      0/TCP
    State:          Running
      Started:      Thu, 01 Jan 2026 00:00:00 +0000
    Ready:          True
    Restart Count:  0
    Environment:    <none>
    Mounts:         <none>
Conditions:
  Type              Status
  PodScheduled      True \n\
  Initialized       True \n\
  ContainersReady   True \n\
  Ready             True \n\
Volumes:            <none>
QoS Class:          BestEffort
Node-Selectors:     <none>
Tolerations:        <none>
Events:             <none>
"""


def test_describe_deployment(cluster):
    assert shown(cluster, "-n foo describe deploy web") == DESCRIBE_DEPLOYMENT


def test_describe_service(cluster):
    assert shown(cluster, "-n foo describe svc web") == DESCRIBE_SERVICE


def test_describe_pod(cluster):
    by_address = "-n foo get pods --field-selector=status.podIP=10.244.0.2 -o name"
    [pod] = cluster.kubectl(*by_address.split()).split()
    assert shown(cluster, f"-n foo describe {pod}") == DESCRIBE_POD


def test_describe_namespace(cluster):
    assert shown(cluster, "describe ns foo") == dedent(
        """\
        Name:         foo
        Labels:       kubernetes.io/metadata.name=foo
        Annotations:  <none>
        Status:       Active
        """
    )


def test_explain(cluster):
    assert shown(cluster, "explain deploy.spec.replicas").splitlines() == [
        "GROUP:      apps",
        "KIND:       Deployment",
        "VERSION:    v1",
        "",
        "FIELD: replicas <integer>",
        "",
        "",
        "DESCRIPTION:",
        "    Number of desired pods. This is a pointer to distinguish between explicit",
        "    zero and not specified. Defaults to 1.",
        "    ",
        "",
    ]
    fields = shown(cluster, "explain svc.spec.ports --recursive")
    assert "  port\t<integer> -required-\n" in fields
    assert "  targetPort\t<IntOrString>\n" in fields


def test_api_resources(cluster):
    lines = cluster.kubectl("api-resources", "--no-headers").splitlines()
    kinds = {line.split()[-1]: line.split() for line in lines}
    assert kinds["Pod"] == ["pods", "po", "v1", "true", "Pod"]
    assert kinds["Namespace"] == ["namespaces", "ns", "v1", "false", "Namespace"]
    assert kinds["Deployment"] == ["deployments", "deploy", "apps/v1", "true", "Deployment"]
    assert kinds["CustomResourceDefinition"][1] == "crd,crds"
    assert cluster.kubectl("api-resources", "--categories=all", "-o", "name") == (
        "pods\nservices\ndaemonsets.apps\ndeployments.apps\nreplicasets.apps\nstatefulsets.apps\n"
        "horizontalpodautoscalers.autoscaling\ncronjobs.batch\njobs.batch\n"
    )


def test_auth(cluster):
    assert cluster.kubectl("auth", "can-i", "create", "deployments.apps", "-n", "foo") == "yes\n"
    assert cluster.kubectl("auth", "can-i", "--list") == dedent(
        """\
        Resources   Non-Resource URLs   Resource Names   Verbs
        *.*         []                  []               [*]
                    [*]                 []               [*]
        """
    )
    assert cluster.kubectl("auth", "whoami") == dedent(
        """\
        ATTRIBUTE   VALUE
        Username    kubernetes-admin
        Groups      [system:masters system:authenticated]
        """
    )


EVENTS_OF_A_DEPLOYMENT = """\
LAST SEEN   TYPE     REASON              OBJECT           MESSAGE
0s          Normal   ScalingReplicaSet   Deployment/web   Scaled up replica set web-HHHHHHHHHH from 0 to 2
"""


def test_events(cluster):
    assert shown(cluster, "-n foo events --for deploy/web") == EVENTS_OF_A_DEPLOYMENT
    listed = shown(cluster, "-n foo get events --field-selector=involvedObject.kind=ReplicaSet")
    assert listed == dedent(
        """\
        LAST SEEN   TYPE     REASON             OBJECT                      MESSAGE
        0s          Normal   SuccessfulCreate   replicaset/web-HHHHHHHHHH   Created pod: web-HHHHHHHHHH-SSSSS
        0s          Normal   SuccessfulCreate   replicaset/web-HHHHHHHHHH   Created pod: web-HHHHHHHHHH-SSSSS
        """
    )


def test_version_and_cluster_info(cluster):
    done = cluster.run("version")
    assert done.stdout.splitlines()[-1] == "Server Version: v1.32.4"
    assert done.stderr == ""
    info = re.sub(r"\x1b\[[\d;]*m", "", shown(cluster, "cluster-info"))
    assert info.splitlines()[0] == "Kubernetes control plane is running at https://127.0.0.1:PORT"


def test_apply_diff_patch_and_delete_speak_as_always(cluster):
    where = ("-n", "bar")
    cluster.kubectl("create", "ns", "bar")

    def apply(*args: str, manifest: str = MANIFEST) -> str:
        return cluster.kubectl(*where, "apply", *args, "-f", "-", stdin=manifest)

    created = "serviceaccount/web created\nservice/web created\ndeployment.apps/web created\n"
    assert apply() == created
    assert apply() == created.replace("created", "unchanged")
    changed = MANIFEST.replace("app:1", "app:2")
    assert apply(manifest=changed).splitlines()[-1] == "deployment.apps/web configured"
    assert apply("--server-side", "--force-conflicts").splitlines()[-1] == (
        "deployment.apps/web serverside-applied"
    )
    same = cluster.run(*where, "diff", "-f", "-", stdin=MANIFEST)
    assert (same.returncode, same.stdout) == (0, "")
    other = cluster.run(*where, "diff", "-f", "-", stdin=changed)
    assert other.returncode == 1
    assert "\n-      - image: app:1\n+      - image: app:2\n" in other.stdout
    patch = json.dumps({"metadata": {"labels": {"tier": "front"}}})
    assert cluster.kubectl(*where, "patch", "deploy", "web", "-p", patch) == "deployment.apps/web patched\n"
    assert cluster.kubectl(*where, "label", "deploy", "web", "tier-") == "deployment.apps/web unlabeled\n"
    assert cluster.kubectl(*where, "annotate", "svc", "web", "a=b") == "service/web annotated\n"
    assert cluster.kubectl(*where, "delete", "-f", "-", stdin=MANIFEST) == (
        'serviceaccount "web" deleted\nservice "web" deleted\ndeployment.apps "web" deleted\n'
    )
    again = cluster.run(*where, "delete", "-f", "-", stdin=MANIFEST)
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1] == (
        'Error from server (NotFound): error when deleting "STDIN": deployments.apps "web" not found'
    )
    assert cluster.kubectl(*where, "delete", "-f", "-", "--ignore-not-found", stdin=MANIFEST) == ""
    assert cluster.kubectl("delete", "ns", "bar") == 'namespace "bar" deleted\n'


def test_mistakes_in_a_manifest_are_named(cluster):
    def refusal(manifest: str) -> str:
        return cluster.refused("apply", "-f", "-", stdin=manifest)

    typo = MANIFEST.replace("replicas:", "replica:")
    assert refusal(typo) == (
        'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be '
        'handled as a Deployment: strict decoding error: unknown field "spec.replica"\n'
    )
    mismatch = MANIFEST.replace("matchLabels: {app: web}", "matchLabels: {app: other}")
    assert refusal(mismatch) == (
        'The Deployment "web" is invalid: spec.template.metadata.labels: Invalid value: '
        'map[string]string{"app":"web", "version":"v1"}: `selector` does not match template `labels`\n'
    )
    assert refusal("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Upper}\n").startswith(
        'The ConfigMap "Upper" is invalid: metadata.name: Invalid value: "Upper": a lowercase RFC 1123'
    )
    unknown = refusal("apiVersion: example.com/v1\nkind: Nope\nmetadata: {name: x}\n")
    assert unknown.splitlines() == [
        'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind '
        '"Nope" in version "example.com/v1"',
        "ensure CRDs are installed first",
    ]


def test_the_system_s_namespaces_cannot_be_deleted(cluster):
    assert cluster.refused("delete", "ns", "default") == (
        'Error from server (Forbidden): namespaces "default" is forbidden: '
        "this namespace may not be deleted\n"
    )


def test_a_namespace_on_its_way_out_takes_nothing_new(cluster):
    held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}\n"
    cluster.kubectl("create", "ns", "going")
    cluster.kubectl("-n", "going", "create", "-f", "-", stdin=held)
    assert cluster.kubectl("delete", "ns", "going", "--wait=false") == 'namespace "going" deleted\n'
    assert cluster.kubectl("get", "ns", "going", "-o", "jsonpath={.status.phase}") == "Terminating"
    assert cluster.refused("-n", "going", "create", "cm", "late") == (
        'error: failed to create configmap: configmaps "late" is forbidden: unable to create new content in '
        "namespace going because it is being terminated\n"
    )
    cluster.kubectl(
        "-n", "going", "patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    cluster.kubectl("wait", "--for=delete", "ns/going", "--timeout=5s")
