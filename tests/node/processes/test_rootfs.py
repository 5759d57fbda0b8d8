from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private")

EXTEND = """
import sys
from pathlib import Path
from lab.node.processes import rootfs, syscalls
missing = sys.argv[2:]
rootfs.extend_machine(syscalls.open_tree(sys.argv[1]), missing, ("/tmp", "/run"))
for path in map(Path, missing):
    path.mkdir(parents=True)
    print(oct(path.parent.stat().st_mode & 0o7777), *sorted(entry.name for entry in path.parent.iterdir()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
def test_a_mount_point_can_be_made_in_what_belongs_to_nobody_in_an_ordinary_users_lab(tmp_path: Path) -> None:
    files = tmp_path / "files"
    for name in ("var/lib/acme/deep", "acme"):
        (files / name).mkdir(parents=True)
        (files / name / "file").touch()
    (files / "var/lib/acme/deep").chmod(0o775)
    for path in files.rglob("*"):
        os.chown(path, 12345, 12345)
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", EXTEND, str(files), "/var/lib/acme/deep/data", "/acme/data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["0o775 data file", "0o755 data file"], done.stderr
    assert not (files / "var/lib/acme/deep/data").exists()
