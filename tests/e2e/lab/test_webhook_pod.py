"""A webhook in a pod, behind a Service, and ports of pods forwarded: what an installed mesh is made of."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kube.identity.pki import Credentials
from tests.e2e.lab.conftest import ROOT, Home
from tests.programs import KUBECTL

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

PROGRAM = """
import base64, json, http.server, ssl, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        value = {"name": "proxy", "image": "curlimages/curl", "command": ["sleep", "infinity"]}
        patch = [{"op": "add", "path": "/spec/containers/-", "value": value}]
        answer = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch",
                  "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
                  "warnings": ["injected at " + self.path]}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

server = http.server.ThreadingHTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/certs/tls.crt", "/certs/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""

HOOK = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: hook}}
spec:
  selector: {{matchLabels: {{app: hook}}}}
  template:
    metadata: {{labels: {{app: hook}}}}
    spec:
      containers:
      - name: hook
        image: test/hook
        ports: [{{containerPort: 8443}}]
        readinessProbe: {{tcpSocket: {{port: 8443}}, periodSeconds: 1}}
        volumeMounts: [{{name: certs, mountPath: /certs}}]
      volumes: [{{name: certs, secret: {{secretName: certs}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: hook}}
spec: {{selector: {{app: hook}}, ports: [{{port: 443, targetPort: 8443}}]}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {{name: hook}}
webhooks:
- name: inject.hook.example
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {{service: {{name: hook, namespace: default, path: /inject}}, caBundle: {bundle}}}
  namespaceSelector: {{matchLabels: {{inject: "yes"}}}}
  rules: [{{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}}]
"""


class Kubectl:
    def __init__(self, kubeconfig: str, home: Path) -> None:
        self.environment = os.environ | KUBECTL | {"KUBECONFIG": kubeconfig, "HOME": str(home)}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def kubectl(home: Home, tmp_path: Path) -> Kubectl:
    folder = tmp_path / "images" / "hook"
    program = folder / "files" / "opt" / "hook.py"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    entry = json.dumps([sys.executable, "/opt/hook.py"])
    (folder / "image.yaml").write_text(f"name: test/hook\nentrypoint: {entry}\nfiles: files\n")
    up = home.lab("up", "--mesh", "none", "--images", str(tmp_path / "images"))
    assert up.returncode == 0, up.stderr
    return Kubectl(up.stdout.removeprefix("export KUBECONFIG=").strip(), home.path)


def test_a_webhook_in_a_pod_injects_pods(kubectl, tmp_path):
    authority = Credentials.new(["hook.default.svc"], [])
    for name, content in (("tls.crt", authority.server_certificate), ("tls.key", authority.server_key)):
        (tmp_path / name).write_text(content)
    files = [f"--from-file={tmp_path / name}" for name in ("tls.crt", "tls.key")]
    kubectl("create", "secret", "generic", "certs", *files)
    bundle = base64.b64encode(authority.ca_certificate.encode()).decode()
    kubectl("create", "-f", "-", stdin=HOOK.format(bundle=bundle))
    kubectl("rollout", "status", "deploy/hook", "--timeout=20s")
    kubectl("create", "ns", "apps")
    kubectl("label", "ns", "apps", "inject=yes")
    said = kubectl.run(
        "-n", "apps", "run", "one", "--image=curlimages/curl", "--command", "--", "sleep", "60"
    )
    assert (said.stdout, said.stderr) == ("pod/one created\n", "Warning: injected at /inject?timeout=10s\n")
    kubectl("-n", "apps", "create", "deployment", "two", "--image=kennethreitz/httpbin")
    kubectl("-n", "apps", "rollout", "status", "deploy/two", "--timeout=20s")
    pods = json.loads(kubectl("-n", "apps", "get", "pods", "-o", "json"))["items"]
    names = [[container["name"] for container in pod["spec"]["containers"]] for pod in pods]
    assert sorted(names) == [["httpbin", "proxy"], ["one", "proxy"]]
    assert kubectl("-n", "apps", "exec", "deploy/two", "-c", "proxy", "--", "echo", "hi") == "hi\n"
    # ... and a port of it is forwarded.
    with subprocess.Popen(
        ["kubectl", "-n", "apps", "port-forward", "deploy/two", ":80"],
        env=kubectl.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as forwarding:
        assert forwarding.stdout is not None
        port = int(forwarding.stdout.readline().split(":")[1].split(" ")[0])
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET /status/418 HTTP/1.0\r\n\r\n")
            assert b" 418 " in connection.recv(100)
        forwarding.terminate()
    # Without the pod the webhook cannot be asked, and no pod comes.
    kubectl("scale", "deploy/hook", "--replicas=0")
    kubectl("wait", "--for=delete", "pod", "-l", "app=hook", "--timeout=20s")
    said = kubectl.run("-n", "apps", "run", "three", "--image=curlimages/curl")
    assert 'no endpoints available for service "hook"' in said.stderr
