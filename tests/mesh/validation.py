"""Envoy's own opinion on a configuration, without starting a proxy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.mesh.plane import ENVOY


def assert_envoy_finds_nothing_wrong(proxy: Path) -> None:
    """What is in the folder of a proxy is valid, down to the last field."""
    assert refusal(proxy) == ""


def refusal(proxy: Path) -> str:
    """What Envoy says of the configuration in the folder of a proxy; "" if nothing is wrong with it."""
    config = proxy.with_suffix(".static.json")
    config.write_text(json.dumps(_static(proxy)))
    checked = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", config, "--reject-unknown-dynamic-fields", "-l", "warning"],
        capture_output=True,
        text=True,
    )
    said = checked.stderr.strip()
    return said or (f"exit code {checked.returncode}" if checked.returncode else "")


def _static(proxy: Path) -> dict[str, Any]:
    """The bootstrap with listeners and clusters in it, which Envoy would otherwise not look at.

    Without its admin interface, whose socket may have too long a path in the folder of a test.
    """
    bootstrap: dict[str, Any] = json.loads((proxy / "bootstrap.json").read_bytes())
    del bootstrap["dynamic_resources"], bootstrap["admin"]
    bootstrap["static_resources"] = {
        kind: [
            {name: value for name, value in resource.items() if name != "@type"}
            for resource in json.loads((proxy / file).read_bytes())["resources"]
        ]
        for kind, file in (("listeners", "lds.json"), ("clusters", "cds.json"))
    }
    return bootstrap
