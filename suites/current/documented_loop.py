"""The document's ten requests, 10 s apart, with a token that expires 5 s after it was made.

They run in a thread of their own beside the steps that leave the request authentication in force, so that
the 90 s cost as little as can be.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from fixtures.errors import HarnessError
from fixtures.ingress import Ingress
from fixtures.issuer import Issuer
from fixtures.outcome import Outcome
from suites.current.tokens import DOCUMENTED_LIFETIME_S

PAUSE_S = 10
EXPECTED = [Outcome(200)] * 7 + [Outcome(401)] * 3
PATIENCE_S = 60


class DocumentedLoop:
    """The loop at the ingress of each configuration API, all with one token."""

    def __init__(self, ingresses: Mapping[str, Ingress], issuer: Issuer) -> None:
        self._ingresses = ingresses
        self._token = issuer.token(expires_in=DOCUMENTED_LIFETIME_S)
        self._seen: dict[str, list[Outcome]] = {api: [] for api in ingresses}
        self._failure: HarnessError | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="documented-loop", daemon=True)
        self._thread.start()

    def result(self, api: str) -> list[Outcome]:
        """The ten outcomes, once they are there; HarnessError if asking broke."""
        self._thread.join(PAUSE_S * len(EXPECTED) + PATIENCE_S)
        if self._failure:
            raise self._failure
        return self._seen[api]

    def stop(self) -> None:
        """End at the next pause, wherever the loop is."""
        self._stopped.set()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        try:
            for sample in range(len(EXPECTED)):
                if sample and self._stopped.wait(PAUSE_S):
                    return
                for api, ingress in self._ingresses.items():
                    self._seen[api].append(ingress.fetch("/headers", self._token).outcome)
        except HarnessError as error:
            self._failure = error
