from __future__ import annotations

from tests.node.inside import TestNode, on_a_node

CURL = {"image": "curlimages/curl", "command": ["/bin/sleep", "infinity"]}
HTTPBIN = {"image": "kong/httpbin"}
FAST = {"periodSeconds": 1}


@on_a_node
async def test_httpbin_is_ready_only_once_its_port_is_open(node: TestNode) -> None:
    node.pod("one", CURL)
    node.pod("httpbin", HTTPBIN)
    await node.ready("one")
    await node.until(lambda: node.get("httpbin")["status"].get("phase") == "Running", "httpbin runs")
    assert not node.is_ready("httpbin")
    await node.ready("httpbin")
    url = f"http://{node.get('httpbin')['status']['podIP']}/ip"
    assert (await node.exec("one", "curl", "-s", "-m", "3", url))[0] == 0


@on_a_node
async def test_readiness_follows_a_command(node: TestNode) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ready"]}, "failureThreshold": 1, **FAST}
    node.pod("one", CURL | {"readinessProbe": probe})
    await node.until(lambda: any("Unhealthy" in e for e in node.events()), "a probe has failed")
    assert "Warning Unhealthy Readiness probe failed: cat: /tmp/ready: No such file or directory\n" in [
        e + "\n" if not e.endswith("\n") else e for e in node.events()
    ]
    assert not node.is_ready("one")
    await node.exec("one", "touch", "/tmp/ready")
    await node.ready("one")
    await node.exec("one", "rm", "/tmp/ready")
    await node.until(lambda: not node.is_ready("one"), "it is no longer ready")


@on_a_node
async def test_readiness_follows_http_answers_and_ports_by_name(node: TestNode) -> None:
    ports = [{"name": "web", "containerPort": 80}]
    good = {"httpGet": {"path": "/status/204", "port": "web"}}
    bad = {"httpGet": {"path": "/status/503", "port": 80}}
    tcp = {"tcpSocket": {"port": 80}}
    closed = {"tcpSocket": {"port": 81}}
    for name, probe in (("good", good), ("bad", bad), ("tcp", tcp), ("closed", closed)):
        node.pod(name, HTTPBIN | {"ports": ports, "readinessProbe": probe})
    await node.ready("good", "tcp")
    address = node.get("closed")["status"]["podIP"]
    refused = f"Warning Unhealthy Readiness probe failed: dial tcp {address}:81: connect: connection refused"
    failed = "Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 503"
    await node.until(lambda: {refused, failed} <= set(node.events()), "both have failed")
    assert not node.is_ready("bad")
    assert not node.is_ready("closed")


@on_a_node
async def test_probes_reach_the_application_of_a_pod_whose_traffic_is_captured(node: TestNode) -> None:
    capture = {"name": "istio-init", "image": "reference-mesh/capture"}
    probe = {"httpGet": {"path": "/ip", "port": 80}}
    node.pod("captured", HTTPBIN | {"readinessProbe": probe}, initContainers=[capture])
    await node.ready("captured")


@on_a_node
async def test_a_container_that_is_not_alive_is_restarted(node: TestNode) -> None:
    command = ["/bin/sh", "-c", "touch /tmp/alive; sleep infinity"]
    probe = {"exec": {"command": ["cat", "/tmp/alive"]}, "timeoutSeconds": 20, **FAST}
    startup, liveness = probe | {"failureThreshold": 30}, probe | {"failureThreshold": 1}
    probes = {"startupProbe": startup, "livenessProbe": liveness}
    node.pod("one", {"image": "curlimages/curl", "command": command} | probes)
    await node.ready("one")
    await node.exec("one", "rm", "/tmp/alive")
    await node.until(lambda: node.status("one")["restartCount"] == 1, "it is restarted")
    assert "Normal Killing Container app failed liveness probe, will be restarted" in node.events()
    await node.ready("one")


@on_a_node
async def test_a_startup_probe_holds_the_others_back(node: TestNode) -> None:
    startup = {"exec": {"command": ["cat", "/tmp/up"]}, "failureThreshold": 30, **FAST}
    liveness = {"exec": {"command": ["false"]}, "failureThreshold": 1, **FAST}
    node.pod("one", CURL | {"startupProbe": startup, "livenessProbe": liveness})
    await node.until(lambda: any("Startup probe failed" in e for e in node.events()), "it has not started up")
    assert node.status("one")["started"] is False
    assert not any("Liveness" in e for e in node.events())
    await node.exec("one", "touch", "/tmp/up")
    await node.until(lambda: node.status("one")["restartCount"] == 1, "liveness is looked at")
