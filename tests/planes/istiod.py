"""istiod as its debug interface shows it: whether what was written has reached every proxy.

Nothing is waited for by the clock. What was written is counted by istiod (its event counters). After that a
marker is written, a policy that concerns nobody: a push context that has it has all that was written before.
That context is then pushed to every proxy, until each has answered (with an ACK, or with a refusal).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.kube.client import NAMESPACES, PODS, GroupResource
from tests.planes.api import Api

PATIENCE = 15
MARKER = GroupResource("security.istio.io", "authorizationpolicies")
NAMESPACE = "marker"
PUSHED = ("Cluster", "Listener", "RouteConfiguration")
_EVENT = re.compile(r'^pilot_k8s_(?:cfg|reg)_events\{event="\w+",type="(\w+)"\} (\d+)', re.MULTILINE)
_INBOUND = re.compile(r'^pilot_inbound_updates\{type="config"\} (\S+)', re.MULTILINE)
MAY_MEAN_THE_SAME = {"VirtualService"}
"""istiod writes their names in full, and does not count an update that is the same then."""
UNCOUNTED_AFTER = 1.5
"""Seconds."""
_REFUSED_AFTER = 0.3
"""Seconds. istiod keeps an error until the next ACK, so that of two refusals the second cannot be told."""


class Istiod:
    def __init__(self, api: Api, port: int) -> None:
        self._api = api
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._marks = 0
        metadata = {"name": NAMESPACE}
        api.create(NAMESPACES, {"metadata": metadata})
        self._api.create(MARKER, self._marker())

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> str:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, f"istiod answers {path} with {answer.status}: {text}"
        return text

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    @contextlib.contextmanager
    def follows(self, *, answered: bool = True) -> Iterator[Counter[str]]:
        """To be left when everything that was written within has reached every proxy.

        Within, each event that istiod is going to see is counted by its kind. Without `answered` it is only
        on its way.
        """
        before, inbound = self._counted()
        events: Counter[str] = Counter()
        yield events
        wanted = Counter(before)
        wanted.update(events)
        updates_due = sum(events.values())

        began = time.monotonic()

        def counted() -> bool:
            now, updates = self._counted()
            if all(now[kind] >= wanted[kind] for kind in events) and updates >= inbound + updates_due:
                return True
            missing = {kind for kind in events if now[kind] < wanted[kind]}
            return missing <= MAY_MEAN_THE_SAME and time.monotonic() - began > UNCOUNTED_AFTER

        _eventually(counted, f"istiod sees {dict(events)}")
        self.mark()
        if answered:
            self.push()

    def push(self) -> None:
        """What istiod has in its push context, to every proxy, until each has answered."""
        before = self._sent()
        self.get("/debug/adsz?push=true")
        since = time.monotonic()

        silent: list[str] = []

        def answered() -> bool:
            silent.clear()
            for proxy, kinds in self._sent().items():
                old = before.get(proxy, {})
                owed = [
                    kind
                    for kind, (sent, acked, error) in kinds.items()
                    if sent == old.get(kind, ("",))[0]
                    or (acked != sent and not (error and time.monotonic() - since > _REFUSED_AFTER))
                ]
                # istiod notices late that the pod of a proxy has gone.
                if owed and self._is_there(proxy):
                    silent.append(f"{proxy}: {' '.join(owed)}")
            return not silent

        _eventually(answered, "every proxy answers istiod's push", silent)

    def _is_there(self, proxy: str) -> bool:
        name, _, namespace = proxy.rpartition(".")
        pod = self._api.get(PODS, namespace, name)
        return pod is not None and "deletionTimestamp" not in pod["metadata"]

    def proxies(self) -> set[str]:
        """The proxies that are connected: pod.namespace."""
        return set(self._sent())

    def wait_for(self, *proxies: str) -> None:
        _eventually(lambda: self.proxies() >= set(proxies), f"{proxies} are connected to istiod")

    def refusals(self) -> dict[tuple[str, str], str]:
        """What proxies refuse: (pod.namespace, kind of resource) to what they said."""
        return {
            (proxy, kind): error
            for proxy, kinds in self._sent().items()
            for kind, (_, _, error) in kinds.items()
            if error
        }

    def _sent(self) -> dict[str, dict[str, tuple[str, str, str]]]:
        """Of each proxy and kind of resource: sent last, acknowledged last, and the last error."""
        found = {}
        for status in self.json("/debug/syncz"):
            kinds = {url.rpartition(".")[2]: each for url, each in status["resources"].items()}
            found[status["proxy"]] = {
                kind: (each.get("sent", ""), each.get("acked", ""), each.get("lastError", ""))
                for kind, each in kinds.items()
                if kind in PUSHED
            }
        return found

    def _counted(self) -> tuple[Counter[str], float]:
        """Events by kind, and how many updates istiod has taken up."""
        text = self.get("/metrics")
        events: Counter[str] = Counter()
        for kind, count in _EVENT.findall(text):
            events[_KIND_OF_COUNTER.get(kind, kind)] += int(count)
        inbound = _INBOUND.search(text)
        return events, float(inbound[1]) if inbound else 0

    def mark(self) -> None:
        """Until istiod has a push context with all that it knows now."""
        self._marks += 1
        self._api.merge(MARKER, NAMESPACE, "marker", {"spec": self._marker()["spec"]})
        wanted = f'"/{self._marks}"'
        _eventually(lambda: wanted in self.get("/debug/authorizationz"), "istiod has a new push context")

    def _marker(self) -> dict[str, Any]:
        rules = [{"to": [{"operation": {"paths": [f"/{self._marks}"]}}]}]
        return {"metadata": {"name": "marker", "namespace": NAMESPACE}, "spec": {"rules": rules}}


_KIND_OF_COUNTER = {"Services": "Service", "Pods": "Pod", "Namespaces": "Namespace"}


def _eventually(condition: Callable[[], bool], what: str, instead: Sequence[str] = ()) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}; {', '.join(instead)}"
        time.sleep(0.003)


@contextlib.contextmanager
def forwarded(kubeconfig: Path) -> Iterator[int]:
    """A port of this machine that leads to istiod's monitoring port."""
    command = ["kubectl", f"--kubeconfig={kubeconfig}", "-n", "istio-system", "port-forward"]
    forwarding = subprocess.Popen(
        [*command, "deploy/istiod", ":15014"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        assert forwarding.stdout
        said = forwarding.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"kubectl port-forward says {said!r}"
        yield int(found[1])
    finally:
        forwarding.terminate()
        forwarding.wait()
        if forwarding.stdout:
            forwarding.stdout.close()
