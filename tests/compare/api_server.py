"""What an API server says of an object: created for a dry run, with all that asks webhooks and schemas."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

Document = dict[str, Any]

IN_FLIGHT = 8
STRICTLY = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "compare"}
"""As kubectl asks."""


@dataclass(frozen=True)
class Answer:
    """To one object. An object that is accepted has the code 201."""

    code: int
    message: str = ""
    fields: tuple[str, ...] = ()
    """Those that the schema of the definition finds wrong."""
    warnings: tuple[str, ...] = ()
    """The headers that kubectl prints, of an object that is accepted."""

    @property
    def accepted(self) -> bool:
        return self.code == 201


class ApiServer:
    """One of a cluster, as its kubeconfig names it; an async context manager."""

    def __init__(self, kubeconfig: Path) -> None:
        self._config = yaml.safe_load(kubeconfig.read_bytes())

    async def __aenter__(self) -> Self:
        cluster, user = self._config["clusters"][0]["cluster"], self._config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._session = aiohttp.ClientSession(
            cluster["server"],
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=ssl.create_default_context(cadata=authority)),
            headers={"Authorization": f"Bearer {user['token']}"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def definition(self, name: str) -> Document:
        """A CustomResourceDefinition."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        async with self._session.get(path, raise_for_status=True) as response:
            found: Document = await response.json()
            return found

    async def ask(self, plural: str, document: Document) -> Answer:
        """What it says of creating this."""
        namespace = document["metadata"]["namespace"]
        path = f"/apis/{document['apiVersion']}/namespaces/{namespace}/{plural}"
        async with self._session.post(path, params=STRICTLY, json=document) as response:
            said = await response.json()
            warnings = tuple(sorted(response.headers.getall("Warning", ())))
        if response.status == 201:
            return Answer(201, warnings=warnings)
        causes = (said.get("details") or {}).get("causes") or ()
        return Answer(
            response.status, said["message"], tuple(sorted(each.get("field", "") for each in causes))
        )
