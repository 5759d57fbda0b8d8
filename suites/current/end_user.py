"""What the sections about tokens at the ingress share."""

from __future__ import annotations

from fixtures.mesh_profile.adaptation import CONFIG_APIS
from fixtures.model.document import CURRENT

END_USER = CURRENT.section("End-user authentication")


def in_both_apis(*files: str) -> list[str]:
    """The manifests of these names, of each configuration API."""
    return [f"current/{api}/{file}" for api in CONFIG_APIS for file in files]
