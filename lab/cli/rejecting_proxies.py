"""Which proxies of a running lab reject their configuration, according to its events."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.mesh.control_plane.event_reasons import PROXY_ACCEPTED, PROXY_REJECTED

ANSWERS_WITHIN_S = 3.0
REASONS = (PROXY_ACCEPTED, PROXY_REJECTED)

Refused = tuple[str, str]


class NoAnswer(Exception):
    """The lab's API server does not answer as it should; the message says how."""


def of_lab(kubeconfig: Path) -> list[Refused]:
    """(namespace/name of the pod, message of its event) of each that rejects it now. Raises NoAnswer."""
    try:
        api = _Api(kubeconfig)
        # The revision tells which came last; times of events are in seconds.
        said = sorted(
            (event for event in api.items("/api/v1/events") if event.get("reason") in REASONS),
            key=lambda event: int(event["metadata"]["resourceVersion"]),
        )
        last = {
            event["involvedObject"]["uid"]: event
            for event in said
            if event["involvedObject"].get("kind") == "Pod"
        }
        refusing = {uid: event for uid, event in last.items() if event["reason"] == PROXY_REJECTED}
        pods = {pod["metadata"]["uid"] for pod in api.items("/api/v1/pods")} if refusing else set()
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from None
    found = ((event["involvedObject"], event["message"]) for uid, event in refusing.items() if uid in pods)
    return sorted((f"{pod['namespace']}/{pod['name']}", message) for pod, message in found)


class _Api:
    def __init__(self, kubeconfig: Path) -> None:
        import yaml

        config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server = urlsplit(cluster["server"])
        self._token: str = user["token"]

    def items(self, path: str) -> list[dict[str, Any]]:
        connection = http.client.HTTPSConnection(
            self._server.hostname or "",
            self._server.port,
            timeout=ANSWERS_WITHIN_S,
            context=ssl.create_default_context(cadata=self._authority),
        )
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise http.client.HTTPException(f"it answers {response.status}")
            items: list[dict[str, Any]] = json.loads(response.read())["items"]
        finally:
            connection.close()
        return items
