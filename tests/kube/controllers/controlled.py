"""A cluster of which the tests of controllers write to the store, and objects for it."""

from __future__ import annotations

import asyncio

from lab.kube.group_resources import EVENTS
from lab.kube.objects import GroupResource, Object, clone
from lab.kube.writing.writes import Writes


class Cluster(Writes):
    """The write pipeline, with short-hands for a test."""

    def names(self, key: GroupResource, namespace: str = "default") -> list[str]:
        return [obj["metadata"]["name"] for obj in self.store.list(key, namespace)]

    def one(self, key: GroupResource, name: str, namespace: str = "default") -> Object:
        found = self.store.get(key, namespace, name)
        assert found is not None, f"no {name} among {self.names(key, namespace)}"
        return found

    def add(self, key: GroupResource, obj: Object) -> Object:
        return self.create(key, obj, manager="test")

    def change(self, key: GroupResource, name: str, namespace: str = "default", **spec: object) -> Object:
        changed = clone(self.one(key, name, namespace))
        changed["spec"].update(spec)
        return self.update(key, changed, manager="test")

    def messages(self, reason: str) -> list[str]:
        return [event["message"] for event in self.store.list(EVENTS) if event["reason"] == reason]

    async def quiet(self) -> None:
        """Returns when nobody writes any more."""
        async with asyncio.timeout(5):
            idle = 0
            while idle < 20:
                before = self.store.revision
                await asyncio.sleep(0)
                idle = idle + 1 if self.store.revision == before else 0


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(name: str, namespace: str = "default", **metadata: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }


def deployment(name: str = "web", *, image: str = "app:1", replicas: int = 1, **spec: object) -> Object:
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image, "ports": ports}]},
            },
            **spec,
        },
    }


def template(image: str, **annotations: str) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


def owned(name: str, *owners: Object, **reference: object) -> Object:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **reference,
        }
        for owner in owners
    ]
    return config_map(name, ownerReferences=references)


def service(name: str = "web", **spec: object) -> Object:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def condition(obj: Object, kind: str) -> tuple[str, str]:
    found = {each["type"]: each for each in obj["status"]["conditions"]}[kind]
    return found["status"], found["reason"]
