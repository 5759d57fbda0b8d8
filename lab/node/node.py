"""The node itself: the kubelet, scheduler and service proxy of a cluster with one machine."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from lab.kube.client import NODES, PODS, Client, Object, WatchEvent, clone, now
from lab.node.images.programs import AlterLaunch, unaltered
from lab.node.images.store import ImageStore
from lab.node.network import service_proxy
from lab.node.network.dns import HostsFiles
from lab.node.network.host_ports import HostPorts
from lab.node.network.load_balancer import LoadBalancer
from lab.node.network.pod_network import NODE_ADDRESS, POD_NETWORK, PodNetwork
from lab.node.network.relay import Relays
from lab.node.pods.log_times import LogTimes
from lab.node.pods.pod_context import BackOff, grace_of, log_file
from lab.node.pods.pod_worker import NODE_NAME, NodeContext, PodWorker
from lab.node.pods.streaming import NodeRuntime
from lab.node.pods.volume_content import AccountTokens
from lab.node.processes.spawner import Spawner

_POD_LIMIT = 110
_RELAYED_CONNECTIONS = 256


class Node:
    """`directory` is the node's own, in the lab's run directory; it holds a directory for each pod.

    Without `tokens`, pods get no ServiceAccount tokens; without `host_ports`, nothing can be reached from the
    host. `images` are those besides the programs of this machine. `alter_launch` may change what is started
    for a container.
    """

    def __init__(
        self,
        objects: Client,
        spawner: Spawner,
        directory: Path,
        *,
        tokens: AccountTokens | None = None,
        host_ports: HostPorts | None = None,
        back_off: BackOff | None = None,
        images: ImageStore | None = None,
        alter_launch: AlterLaunch = unaltered,
    ) -> None:
        self._objects = objects
        self._spawner = spawner
        self._directory = directory
        self._pod_network = PodNetwork(spawner)
        self._hosts_files = HostsFiles(objects.store, directory)
        self._load_balancer: LoadBalancer | None = None
        if host_ports is not None:
            self._load_balancer = LoadBalancer(objects, host_ports, Relays(_RELAYED_CONNECTIONS))
        self._workers: dict[str, PodWorker] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._context = NodeContext(
            objects,
            spawner,
            self._pod_network,
            self._hosts_files,
            directory,
            back_off or BackOff(),
            tokens,
            images or ImageStore(),
            alter_launch,
        )
        self._log_times = LogTimes(self._logs)
        self.runtime = NodeRuntime(spawner, self._workers.get, self._log_times)

    async def connect(self) -> None:
        """Sets up the node's network; afterwards, programs can listen on its address."""
        await self._pod_network.start()

    def install(self) -> None:
        """Registers the node, and schedules every new pod on it from now on."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._hosts_files.prepare()
        self._objects.admit(PODS, _scheduled)
        self._objects.create(NODES, _node_object(), manager="kubelet")
        self._objects.set_status(NODES, "", NODE_NAME, _node_status(), manager="kubelet")

    async def run(self) -> None:
        """Runs the cluster's pods, Services and DNS, forever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(service_proxy.forward(self._objects.store, self._spawner))
            tasks.create_task(self._hosts_files.follow())
            if self._load_balancer is not None:
                tasks.create_task(self._load_balancer.run())
            tasks.create_task(self._follow_pods())
            tasks.create_task(self._log_times.run())

    def _logs(self) -> Iterator[Path]:
        """The current log file of every container."""
        for worker in self._workers.values():
            for container in (*worker.init, *worker.containers):
                yield log_file(worker.directory, container.name, container.state.restarts)

    async def _follow_pods(self) -> None:
        async with self._objects.store.watch(PODS) as events:
            async for event in events:
                self._handle(event)

    def _handle(self, event: WatchEvent) -> None:
        metadata = event.object["metadata"]
        uid = metadata["uid"]
        if event.type == "DELETED":
            self._end(uid, 0)
        elif "deletionTimestamp" in metadata:
            grace = metadata.get("deletionGracePeriodSeconds")
            self._end(uid, grace_of(event.object) if grace is None else grace)
        elif uid not in self._workers:
            self._workers[uid] = PodWorker(event.object, self._context)

    def _end(self, uid: str, grace: float) -> None:
        if (worker := self._workers.get(uid)) is not None:
            task = asyncio.get_running_loop().create_task(self._remove(uid, worker, grace))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _remove(self, uid: str, worker: PodWorker, grace: float) -> None:
        await worker.end(grace)
        if self._workers.pop(uid, None) is None:
            return  # another deletion of the same pod was first
        pod = self._objects.store.get(PODS, worker.namespace, worker.name)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._objects.delete(PODS, worker.namespace, worker.name, grace_period=0)


def _scheduled(new: Object, _old: Object | None) -> Object:
    """Every pod belongs to the one node; a pod that asks for another stays unscheduled, as in Kubernetes."""
    if new["spec"].get("nodeName"):
        return new
    pod: Object = clone(new)
    pod["spec"]["nodeName"] = NODE_NAME
    return pod


def _node_object() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "labels": {
                "kubernetes.io/hostname": NODE_NAME,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": _architecture(),
                "node-role.kubernetes.io/control-plane": "",
            },
        },
        "spec": {"podCIDR": str(POD_NETWORK), "podCIDRs": [str(POD_NETWORK)]},
    }


def _node_status() -> Object:
    resources = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 1024}Ki",
        "pods": str(_POD_LIMIT),
    }
    instant = now()

    def condition(kind: str, status: str, reason: str, message: str) -> Object:
        times = {"lastHeartbeatTime": instant, "lastTransitionTime": instant}
        return {"type": kind, "status": status, "reason": reason, "message": message, **times}

    return {
        "addresses": [
            {"type": "InternalIP", "address": NODE_ADDRESS},
            {"type": "Hostname", "address": NODE_NAME},
        ],
        "capacity": resources,
        "allocatable": resources,
        "conditions": [condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")],
        "nodeInfo": {
            "architecture": _architecture(),
            "bootID": "",
            "containerRuntimeVersion": "lab://processes",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "v1.32.0",
            "kubeletVersion": "v1.32.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "mesh lab",
            "systemUUID": "",
        },
    }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
