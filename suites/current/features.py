"""What a mesh may not have of what this document needs, as its profile can declare."""

from __future__ import annotations

PEER_AUTHENTICATION = ("peer-authentication",)
REQUEST_AUTHENTICATION = ("request-authentication",)
