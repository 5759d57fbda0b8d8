"""Events for rejected configuration: on the pod of the proxy and on the policies behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lab.kube.client import PODS, Client, GroupResource, Object, WatchEvent
from lab.mesh.control_plane.event_reasons import PROXY_ACCEPTED, PROXY_REJECTED

Place = tuple[GroupResource, str, str]
"""Kind, namespace and name of an object."""


@dataclass(frozen=True)
class Answer:
    """What a proxy, by the uid of its pod, has come to.

    `refused` says what it refuses (`listeners`) and `words` why, as Envoy has it; without them everything is
    accepted that it had refused. `behind` are the policies whose changes led to the refused update.
    """

    uid: str
    refused: str
    words: str
    behind: frozenset[Place]


def tell(objects: Client, answer: Answer, component: str) -> None:
    """Records what a proxy says: on its pod, and on the policies whose changes led to what it refuses."""
    pod = next((pod for pod in objects.store.list(PODS) if pod["metadata"].get("uid") == answer.uid), None)
    if pod is None:
        return
    policies = [found for place in sorted(answer.behind) if (found := objects.store.get(*place))]
    if not answer.refused:
        for about, whose in ((pod, "Envoy has"), *((policy, "Proxies have") for policy in policies)):
            message = f"{whose} accepted the configuration that followed the refused one"
            objects.emit(about, reason=PROXY_ACCEPTED, message=message, component=component)
        return
    after = f" after {', '.join(map(_named, policies))} changed" if policies else ""
    kept = "and keeps what it had of them"
    _warn(objects, pod, f"Envoy refuses its {answer.refused}{after}, {kept}: {answer.words}", component)
    for policy in policies:
        # Without the pod's name: the same refusal by many proxies is one event, counted.
        text = f"Envoy refuses {answer.refused} after this was changed, {kept}: {answer.words}"
        _warn(objects, policy, text, component)


def declared_anew(events: Iterable[WatchEvent], kinds: Collection[GroupResource]) -> frozenset[Place]:
    """The objects of these kinds that users have created or changed, but for those that only got a status."""
    return frozenset(
        (event.key, metadata.get("namespace", ""), metadata["name"])
        for event in events
        if event.key in kinds
        and event.type != "DELETED"
        and (metadata := event.object.get("metadata"))
        and not _only_status(event)
    )


def _only_status(event: WatchEvent) -> bool:
    generations = [each["metadata"].get("generation") for each in (event.previous, event.object) if each]
    return len(generations) == 2 and generations[0] is not None and generations[0] == generations[1]


def _warn(objects: Client, about: Object, message: str, component: str) -> None:
    objects.emit(about, reason=PROXY_REJECTED, message=message, type="Warning", component=component)


def _named(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{obj.get('kind', 'object')} {metadata.get('namespace', '')}/{metadata['name']}"
