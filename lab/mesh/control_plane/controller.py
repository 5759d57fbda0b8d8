"""The control plane: watches the cluster, and keeps the files of every proxy as the policies want them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from lab.kube.client import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, PODS, ApiError, Client, Object
from lab.mesh.config.policy_api import AnyPolicyApi, Declared
from lab.mesh.config.proxies import proxy_config
from lab.mesh.control_plane import ca, refused_configuration
from lab.mesh.control_plane.acknowledgements import Acknowledgements
from lab.mesh.control_plane.ca import Authority
from lab.mesh.control_plane.files import ProxyFolder
from lab.mesh.control_plane.jwks import KeySets
from lab.mesh.control_plane.refused_configuration import Place
from lab.mesh.envoy import gateway
from lab.mesh.envoy.bootstrap import FILE as BOOTSTRAP_FILE
from lab.mesh.envoy.resources import Resources, build
from lab.mesh.model.certificates import Certificate
from lab.mesh.model.proxy_config import GatewayConfig, ProxyConfig
from lab.mesh.workloads import gateway_pods, ingress, injection, service_registry
from lab.mesh.workloads.service_registry import Workload

MANAGER = "reference-mesh"

Part = TypeVar("Part")
"""What is declared (of a type of the policy API), or the configuration of a proxy that follows from it."""


class AlterModel(Protocol):
    """Changes the model on its way."""

    def __call__(self, part: Part) -> Part: ...


def unchanged(part: Part) -> Part:
    return part


@dataclass
class Proxy:
    """A sidecar or a gateway that is kept up to date."""

    folder: ProxyFolder
    certificate: Certificate
    built_from: tuple[ProxyConfig, Certificate] | None = None


class ReferenceMesh:
    """The mesh that the suites are proven against, as `api` has it.

    `run_dir` is private to the user who runs the lab; the proxies' folders are created in it.
    `certificate_lifetime` is that of workload certificates; they are replaced at half of it.
    """

    def __init__(
        self,
        objects: Client,
        run_dir: Path,
        api: AnyPolicyApi,
        *,
        trust_domain: str = "cluster.local",
        root_namespace: str = "istio-system",
        alter_model: AlterModel = unchanged,
        alter_resources: Callable[[Resources], Resources] = lambda resources: resources,
        certificate_lifetime: timedelta = ca.WORKLOAD_LIFETIME,
    ) -> None:
        self._objects = objects
        self._api = api
        self._proxies = run_dir / "proxies"
        self._trust_domain = trust_domain
        self._root_namespace = root_namespace
        self._alter_model = alter_model
        self._alter_resources = alter_resources
        self.authority = Authority(trust_domain, certificate_lifetime)
        """Whoever it has issued a certificate to is a peer in the mesh."""
        self._running: dict[str, Proxy] = {}
        self._controllers = api.controllers(objects, self._read_registry)
        self._told: set[tuple[str, str]] = set()
        """Objects, by their uid, with what has been said of their keys."""
        self._key_sets = KeySets(lambda host: service_registry.addresses_of(self._objects.store, host))
        self._acknowledgements = Acknowledgements(
            lambda answer: refused_configuration.tell(self._objects, answer, MANAGER)
        )

    def install(self) -> None:
        """Resource definitions, admission and the root namespace: what users see of a mesh at once."""
        for definition in self._api.definitions():
            self._objects.create(CUSTOM_RESOURCE_DEFINITIONS, definition, manager=MANAGER)
        self._objects.admit(PODS, self._inject)
        for key, review in (*self._api.admission.items(), *self._api.warnings.items()):
            self._objects.review(key, review)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._root_namespace}}
        try:
            self._objects.create(NAMESPACES, namespace, manager=MANAGER)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        for controller in self._controllers:
            controller.install()
        root = self._root_namespace
        for key, obj in (*ingress.objects(root), *self._api.objects(root)):
            self._objects.create(key, obj, manager=MANAGER)

    async def run(self) -> None:
        """Follows the cluster, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._renew())
            for controller in self._controllers:
                tasks.create_task(controller.run())
            tasks.create_task(self._key_sets.run(self.reconcile, self.reconcile))
            tasks.create_task(self._acknowledgements.run())

    def reconcile(self, changed: frozenset[Place] = frozenset()) -> None:
        """Brings every proxy's files to what the store says now. `changed` are policies that led to it."""
        store, fetched = self._objects.store, self._key_sets.fetched
        declared: Declared = self._alter_model(self._api.read(store, self._read_registry(), fetched))
        self._key_sets.want(frozenset(source for source, _ in declared.key_askers))
        self._tell_of_missing_keys(declared)
        proxied = {
            workload.uid: workload
            for workload in declared.registry.workloads
            if workload.injected or workload.gateway
        }
        for uid in self._running.keys() - proxied.keys():
            self._running.pop(uid).folder.remove()
            self._acknowledgements.forget(uid)
        for workload in proxied.values():
            self._update(declared, workload, changed)

    def _tell_of_missing_keys(self, declared: Declared) -> None:
        """An event on each policy whose tokens are refused, since there are no keys to check them with."""
        missing, known = self._key_sets.missing, set()
        for source, asker in declared.key_askers if missing else ():
            policy = self._objects.store.get(asker.key, asker.namespace, asker.name)
            if policy is None or source not in missing:
                continue
            why = f"no keys from {source.uri or source.issuer}: {missing[source]}"
            said = (policy["metadata"]["uid"], why)
            known.add(said)
            if said not in self._told:
                self._objects.emit(
                    policy,
                    reason="KeysNotFetched",
                    message=f"{why}; until they are there, its tokens are refused",
                    type="Warning",
                    component=MANAGER,
                )
        self._told = known

    def renew_certificates(self, due: datetime) -> None:
        """Replaces the certificates that ask for it by then."""
        for proxy in self._running.values():
            if proxy.certificate.renew_at <= due:
                proxy.certificate = self.authority.issue(proxy.certificate.identity)
        self.reconcile()

    async def _follow(self) -> None:
        async with self._objects.store.watch(*service_registry.KEYS, *self._api.keys) as changes:
            async for change in changes:
                seen = (change, *changes.pending())
                self.reconcile(refused_configuration.declared_anew(seen, self._api.keys))

    async def _renew(self) -> None:
        while True:
            now = datetime.now(UTC)
            # A certificate that is issued meanwhile is due later than this.
            latest = now + self.authority.lifetime / 2
            due = min((proxy.certificate.renew_at for proxy in self._running.values()), default=latest)
            await asyncio.sleep(max(0.0, (due - now).total_seconds()))
            self.renew_certificates(datetime.now(UTC))

    def _read_registry(self) -> service_registry.ServiceRegistry:
        return service_registry.read(
            self._objects.store, trust_domain=self._trust_domain, root_namespace=self._root_namespace
        )

    def _update(self, declared: Declared, workload: Workload, changed: frozenset[Place]) -> None:
        wanted = self._alter_model(proxy_config(self._api, declared, workload))
        proxy = self._running.get(workload.uid)
        if proxy is None:
            folder = ProxyFolder(self._folder(workload.uid))
            proxy = Proxy(folder, self.authority.issue(wanted.identity))
            self._running[workload.uid] = proxy
        source = (wanted, proxy.certificate)
        if proxy.built_from == source:
            return
        resources = self._resources(wanted, proxy)
        files = dict(self._alter_resources(resources).files())
        written = proxy.folder.write(files.items())
        proxy.built_from = source
        if written:
            content = {name: files[name] for name in written}
            self._acknowledgements.written(workload.uid, proxy.folder.path, content, changed)

    def _resources(self, wanted: ProxyConfig, proxy: Proxy) -> Resources:
        if isinstance(wanted, GatewayConfig):
            return gateway.build(wanted, proxy.folder.path, proxy.certificate, self.authority.root)
        return build(wanted, proxy.folder.path, proxy.certificate, self.authority.root)

    def _folder(self, uid: str) -> Path:
        return self._proxies / uid

    def _inject(self, new: Object, old: Object | None) -> Object:
        if old is not None:
            return new
        bootstrap = self._folder(new["metadata"]["uid"]) / BOOTSTRAP_FILE
        if gateway_pods.is_gateway(new):
            return gateway_pods.configure(new, bootstrap)
        namespace = self._objects.store.get(NAMESPACES, "", new["metadata"]["namespace"])
        webhook = injection.injector(new, namespace)
        return new if webhook is None else injection.inject(new, bootstrap, webhook)
