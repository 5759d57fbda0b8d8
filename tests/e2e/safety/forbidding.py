"""An API server in front of a lab's that allows less: the lab's own lets everybody do everything."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from fixtures.targets import kubeconfig as kubeconfigs

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Right = tuple[str, str, str]
"""Verb, resource and subresource."""


class Forbidding:
    """Passes requests on, but says no to some rights and knows nothing of one API group.

    With ``only_everywhere`` the rights are missing in the whole cluster, and there in each namespace.
    """

    def __init__(
        self,
        kubeconfig: Path,
        context: str,
        folder: Path,
        forbidden: set[Right],
        only_everywhere: bool = False,
        hides: str = "",
    ) -> None:
        config = kubeconfigs.only([kubeconfig], context)
        self._path = folder / "forbidding"
        self._config = config
        about = config["clusters"][0]["cluster"]
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), self._handler(about, forbidden, only_everywhere, hides)
        )

    def __enter__(self) -> Path:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._server.server_port}"}
        self._path.write_text(yaml.safe_dump(self._config))
        return self._path

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _handler(
        about: dict[str, Any], forbidden: set[Right], only_everywhere: bool, hides: str
    ) -> type[BaseHTTPRequestHandler]:
        trusted = ssl.create_default_context()
        trusted.check_hostname = False
        trusted.verify_mode = ssl.CERT_NONE

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if hides and f"/apis/{hides}" in self.path:
                    self._answer(404, b'{"kind": "Status", "code": 404}')
                    return
                status, body = self._passed_on(None)
                if hides and self.path.split("?")[0] == "/apis":
                    groups = json.loads(body)
                    groups["groups"] = [group for group in groups["groups"] if group["name"] != hides]
                    body = json.dumps(groups).encode()
                self._answer(status, body)

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.split("?")[0] != REVIEWS:
                    raise AssertionError(f"the pre-flight writes: {self.path}")
                asked = json.loads(sent)["spec"]["resourceAttributes"]
                right = asked["verb"], asked["resource"], asked.get("subresource", "")
                denied = right in forbidden and not (only_everywhere and asked.get("namespace"))
                self._answer(201, json.dumps({"spec": {}, "status": {"allowed": not denied}}).encode())

            def _passed_on(self, sent: bytes | None) -> tuple[int, bytes]:
                headers = {"Authorization": self.headers["Authorization"], "Accept": "application/json"}
                request = urllib.request.Request(about["server"] + self.path, sent, headers)
                try:
                    with urllib.request.urlopen(request, context=trusted) as answer:
                        return answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    return error.code, error.read()

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
