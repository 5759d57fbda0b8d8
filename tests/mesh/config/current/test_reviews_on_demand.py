"""What the webhook says of policies is loaded with the first of them, and a lab starts the sooner."""

from __future__ import annotations

import subprocess
import sys

from lab.mesh.config.current import API
from lab.mesh.config.current.admission import ADMISSION
from lab.mesh.config.current.warnings import WARNINGS

PROGRAM = """
import sys
import lab.supervision.supervisor
from lab.mesh.config.current import API, peer_authentication
print(*sorted(sys.modules))
API.admission[peer_authentication.KEY]({"metadata": {"name": "default", "namespace": "foo"}, "spec": {}})
print(*sorted(sys.modules))
"""


def test_every_kind_that_is_reviewed_is_known_before() -> None:
    assert set(API.admission) == set(ADMISSION)
    assert set(API.warnings) == set(WARNINGS)


def test_a_start_loads_no_review() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, after = map(str.split, done.stdout.splitlines())
    named = ("_admission", "_warnings", ".admission", ".warnings")
    assert "lab.mesh.config.current.api" in before
    assert [name for name in before if name.startswith("lab.mesh.") and name.endswith(named)] == []
    assert "lab.mesh.config.current.security_admission" in after
