"""istioctl by hand: everything that it asks of a cluster, of istiod and of the proxies, the lab answers."""

from __future__ import annotations

import re

from tests.e2e.istio.conftest import ByHand
from tools import bundles

STRICT = """kubectl apply -f - <<'EOF'
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: foo}
spec: {mtls: {mode: STRICT}}
EOF
"""
DENY = """kubectl apply -f - <<'EOF'
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny-headers, namespace: foo}
spec:
  selector: {matchLabels: {app: httpbin}}
  action: DENY
  rules:
  - to:
    - operation: {paths: ["/headers"]}
EOF
"""


def test_a_lab_without_a_mesh_is_fit_for_istio(bare: ByHand) -> None:
    assert "Istio is safe to install or upgrade" in bare("istioctl x precheck 2>&1")


def test_every_part_is_of_the_version_that_was_made(istio: ByHand) -> None:
    version = re.escape(bundles.version_of(istio.bundle))
    said = istio("istioctl version --short")
    assert re.search(rf"^client version: {version}$", said, re.MULTILINE)
    assert re.search(rf"^control plane version: {version}$", said, re.MULTILINE)
    # The sidecars of another, httpbin and sleep, and the ingress gateway.
    assert re.search(rf"^data plane version: {version} \(4 proxies\)$", said, re.MULTILINE)


def test_proxies_are_connected_to_istiod(istio: ByHand) -> None:
    lines = istio("istioctl proxy-status").splitlines()
    names = [line.split()[0] for line in lines[1:]]
    assert [name.rpartition(".")[2] for name in sorted(names)] == ["foo", "foo", "istio-system", "foo"]
    assert all("CDS,LDS,EDS,RDS" in line or "ingressgateway" in line for line in lines[1:])


def test_what_a_proxy_was_given_can_be_read(istio: ByHand) -> None:
    listeners = istio("istioctl proxy-config listeners deploy/httpbin.foo --port 15006")
    assert "inbound|8080||" in listeners
    assert "httpbin.foo.svc.cluster.local" in istio("istioctl proxy-config clusters deploy/sleep.foo")
    certificates = istio("istioctl proxy-config secret deploy/httpbin.foo")
    assert re.search(r"^default +Cert Chain +ACTIVE +true", certificates, re.MULTILINE)


def test_a_policy_is_seen_by_every_command_that_tells_of_policies(istio: ByHand) -> None:
    try:
        istio(STRICT)
        warned = istio.run(DENY)
        assert warned.returncode == 0
        assert "Warning: configured AuthorizationPolicy will deny all traffic to TCP ports" in warned.stderr
        pod = istio("kubectl get pod -n foo -l app=httpbin -o jsonpath='{.items[0].metadata.name}'")
        assert "Workload mTLS mode: STRICT" in istio(f"istioctl x describe pod {pod}.foo")
        deny = r"^DENY +deny-headers.foo +1$"
        assert re.search(deny, istio("istioctl x authz check deploy/httpbin.foo"), re.MULTILINE)
    finally:
        istio("kubectl delete -n foo peerauthentication,authorizationpolicy --all")


def test_a_policy_that_istiod_refuses_is_refused_with_its_words(istio: ByHand) -> None:
    refused = istio.run(DENY.replace("/headers", "a{*}"))
    assert refused.returncode == 1
    assert 'admission webhook "validation.istio.io" denied the request' in refused.stderr
    assert "invalid or unsupported path a{*}" in refused.stderr


def test_analyze_finds_nothing_in_the_playground_and_something_where_it_is(istio: ByHand) -> None:
    assert "No validation issues found when analyzing namespace: foo" in istio("istioctl analyze -n foo 2>&1")
    istio("kubectl create namespace plain && kubectl apply -n plain -f manifests/playground/sleep.yaml")
    try:
        assert "IST0102" in istio("istioctl analyze -n plain 2>&1")
    finally:
        istio("kubectl delete namespace plain")


def test_a_sidecar_is_put_in_by_hand_as_the_document_prints_it(istio: ByHand) -> None:
    istio("kubectl create namespace bar")
    istio("kubectl apply -n bar -f <(istioctl kube-inject -f manifests/playground/httpbin.yaml)")
    istio("kubectl wait -n bar --for=condition=Available deploy/httpbin --timeout=60s")
    assert istio("kubectl get pods -n bar --no-headers").split()[1] == "2/2"


def test_istio_goes_without_a_trace_as_it_came(istio: ByHand) -> None:
    """The last one: nothing of Istio is there afterwards but pods that have a sidecar already."""
    istio("istioctl uninstall --purge --skip-confirmation")
    istio("kubectl delete namespace istio-system")
    kinds = "validatingwebhookconfigurations,mutatingwebhookconfigurations,clusterroles,clusterrolebindings"
    assert istio(f"kubectl get {kinds} -o name") == ""
    assert "istio.io" not in istio("kubectl get crd -o name").replace("gateway.networking.k8s.io", "")
