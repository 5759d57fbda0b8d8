"""One of the two meshes: takes policies, and is looked at."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException, NotFoundException

from tests.compare.behaviour import dialler
from tests.compare.behaviour.identities import Issuers
from tests.compare.behaviour.looks import look
from tests.compare.behaviour.policy_sets import LATER
from tests.compare.behaviour.probes import CELLS, CLIENTS, Cell
from tests.compare.planes import NotThere

Object = dict[str, Any]

POLICIES = {
    "PeerAuthentication": "security.istio.io",
    "RequestAuthentication": "security.istio.io",
    "AuthorizationPolicy": "security.istio.io",
    "DestinationRule": "networking.istio.io",
}
"""The kinds that are compared, with their groups."""
PLURALS = {
    "PeerAuthentication": "peerauthentications",
    "RequestAuthentication": "requestauthentications",
    "AuthorizationPolicy": "authorizationpolicies",
    "DestinationRule": "destinationrules",
    "EnvoyFilter": "envoyfilters",
}
REFUSED = (400, 403, 422)
ENDS_WITHIN_S = 10
READY_WITHIN_S = 120
PAUSE_S = 0.5
LATE_S = 0.6
"""So late in a second no set is begun: all its objects shall be of the same age."""


class Agent:
    """A program in a pod that answers each line with a line."""

    def __init__(
        self, kubeconfig: Path, namespace: str, pod: str, container: str, program: Path, python: str
    ) -> None:
        self._where = f"{pod} in {namespace}"
        command = f"kubectl --kubeconfig {kubeconfig} exec -i -n {namespace} {pod} -c {container} --".split(
            " "
        )
        self._process = subprocess.Popen(
            [*command, python, "-c", program.read_text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise NotThere(f"the program in {self._where} has ended") from None
        if not (answer := self._process.stdout.readline()):
            raise NotThere(f"the program in {self._where} has ended")
        return json.loads(answer)

    def end(self) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(ENDS_WITHIN_S)


class Side:
    """A lab with the playground in it."""

    def __init__(self, kubeconfig: Path, issuers: Issuers) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))
        self._custom = client.CustomObjectsApi(self._api)
        self._places = self._addresses()
        self._issuers = issuers
        self._names = {
            **{token: f"{{{name}}}" for name, token in issuers.tokens.items()},
            **{address: f"{{{name}}}" for name, address in self._places.items()},
        }
        program = Path(dialler.__file__)
        self._clients = {
            namespace: Agent(kubeconfig, namespace, "deploy/sleep", "sleep", program, sys.executable)
            for namespace in CLIENTS
        }
        self._pool = ThreadPoolExecutor(len(CLIENTS))
        self._clear()
        self.applied: dict[str, Object] = {}
        """What is in force, by kind, namespace and name."""

    def end(self) -> None:
        for agent in self._clients.values():
            agent.end()
        self._pool.shutdown()

    def apply(self, objects: Sequence[Object]) -> dict[int, str]:
        """These in the place of those before; gives the words for those that are refused, by number."""
        for key in list(self.applied):
            self._delete(self.applied.pop(key))
        if time.time() % 1 > LATE_S:
            _wait_for_the_next_second()
        refused = {}
        for number, obj in enumerate(objects):
            if LATER in (obj["metadata"].get("annotations") or {}):
                _wait_for_the_next_second()
            try:
                created = self._create(self._placed(obj))
            except ApiException as error:
                if error.status not in REFUSED:
                    raise
                refused[number] = json.loads(error.body)["message"]
            else:
                self.applied[_key(created)] = created
        return refused

    def ages(self) -> list[int]:
        """Of the policies in force, in the order of their creation: 0 for the oldest, 1 for those younger."""
        times = [obj["metadata"]["creationTimestamp"] for obj in self.applied.values()]
        return [sorted(set(times)).index(each) for each in times]

    def restarts(self) -> int:
        """How often containers have been started again until now, when all are ready. Raises NotThere."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            pods = client.CoreV1Api(self._api).list_pod_for_all_namespaces().items
            states = [
                each
                for pod in pods
                for each in (
                    *(pod.status.container_statuses or ()),
                    *(pod.status.init_container_statuses or ()),
                )
            ]
            if all(each.ready for each in states):
                return sum(each.restart_count for each in states)
            time.sleep(PAUSE_S)
        raise NotThere("a pod of the playground is not ready")

    def look(self, cells: Sequence[Cell] = CELLS) -> list[str]:
        """What becomes of each request now."""
        asked: dict[str, list[tuple[int, list[Any]]]] = {}
        for number, cell in enumerate(cells):
            asked.setdefault(cell.client, []).append((number, self._dial(cell)))
        looks = [""] * len(cells)

        def ask(client: str) -> None:
            results = self._clients[client].ask([dial for _, dial in asked[client]])
            for (number, _), result in zip(asked[client], results, strict=True):
                looks[number] = look(result, self._names)

        list(self._pool.map(ask, asked))
        return looks

    def _dial(self, cell: Cell) -> list[Any]:
        server, request = cell.server, cell.request
        host = server.host
        for name, address in self._places.items():
            host = host.replace(f"{{{name}}}", address)
        headers = {name: self._bearing(value) for name, value in request.headers.items()}
        if server.asked_host:
            headers["host"] = server.asked_host
        return [host, server.port, request.method, self._bearing(request.path), headers]

    def _bearing(self, text: str) -> str:
        for name, token in self._issuers.tokens.items():
            text = text.replace(f"{{{name}}}", token)
        return text

    def _placed(self, obj: Object) -> Object:
        """With the addresses of this side, and the issuers' keys."""
        text = json.dumps(obj)
        for name, address in self._places.items():
            text = text.replace(f"{{{name}}}", address)
        for issuer, keys in self._issuers.key_sets.items():
            text = text.replace(f'"{{keys of {issuer}}}"', json.dumps(keys))
        placed: Object = json.loads(text)
        return placed

    def _addresses(self) -> dict[str, str]:
        """Of pods, by namespace and app."""
        pods = client.CoreV1Api(self._api).list_pod_for_all_namespaces().items
        return {
            f"{pod.metadata.namespace}/{pod.metadata.labels['app']}": pod.status.pod_ip
            for pod in pods
            if (pod.metadata.labels or {}).get("app")
        }

    def _create(self, obj: Object) -> Object:
        created: Object = self._custom.create_namespaced_custom_object(*_place(obj), obj)
        return created

    def _clear(self) -> None:
        """Of policies that an interrupted comparison has left in a lab that is still there."""
        for kind, group in POLICIES.items():
            found = self._custom.list_cluster_custom_object(group, "v1", PLURALS[kind])
            for obj in found["items"]:
                self._delete(obj)

    def _delete(self, obj: Object) -> None:
        self._custom.delete_namespaced_custom_object(*_place(obj), obj["metadata"]["name"])


class Istio(Side):
    """Real Istio, which says itself when it has settled."""

    MARK: ClassVar[Object] = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "compare", "namespace": "istio-system"},
        "spec": {
            "priority": 1,
            "configPatches": [
                {
                    "applyTo": "CLUSTER",
                    "patch": {"operation": "MERGE", "value": {"max_requests_per_connection": 1}},
                }
            ],
        },
    }
    """Whenever it changes, all proxies are told: what was changed before has then been said to them.

    It lets a proxy use no connection twice, as the reference's do not: one that is older than a policy would
    obey what was said before.
    """

    def __init__(self, kubeconfig: Path, issuers: Issuers) -> None:
        super().__init__(kubeconfig, issuers)
        self._watcher = Agent(
            kubeconfig,
            "istio-system",
            "deploy/istiod",
            "discovery",
            Path(__file__).with_name("watcher.py"),
            # istiod is not root, and so may not use that of a virtual environment in root's home.
            "python3",
        )
        self._marks = 0
        with contextlib.suppress(NotFoundException):
            self._delete(self.MARK)  # of a comparison before, in a lab that is still there
        self._create(self.MARK)

    def end(self) -> None:
        self._watcher.end()
        super().end()

    def settle(self) -> list[str]:
        """Waits until every proxy has accepted what follows from the policies; gives what was refused."""
        versions = {key: obj["metadata"]["resourceVersion"] for key, obj in self.applied.items()}
        push = self._watcher.ask({"seen": versions, "only": [*POLICIES]})["push"]
        self._marks += 1
        mark = {"spec": {"priority": self._marks % 1000 + 2}}
        self._custom.patch_namespaced_custom_object(*_place(self.MARK), self.MARK["metadata"]["name"], mark)
        refused: list[str] = self._watcher.ask({"accepted": push})["refused"]
        return refused


def _wait_for_the_next_second() -> None:
    time.sleep(1 - time.time() % 1)


def _key(obj: Mapping[str, Any]) -> str:
    return f"{obj['kind']}/{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _place(obj: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Group, version, namespace, plural."""
    group, _, version = obj["apiVersion"].partition("/")
    return group, version, obj["metadata"]["namespace"], PLURALS[obj["kind"]]


def unequal(one: Sequence[str], other: Sequence[str]) -> Iterator[int]:
    """The numbers of the cells that differ."""
    return (number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
