from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.host import identities
from lab.images import layers, loading
from lab.node.images import folders
from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage, MachineLacks
from lab.node.processes.users import User
from tests.images.built import Image, directory, docker, file, layer, link, needs_engines, oci

pytestmark = needs_engines

Pack = Callable[..., Path]
both = pytest.mark.parametrize("pack", [docker, oci])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "images"


@both
def test_an_archive_becomes_a_folder_with_its_configuration(pack: Pack, tmp_path: Path, store: Path) -> None:
    config = {
        "Entrypoint": ["/bin/tool"],
        "Cmd": ["--port", "80"],
        "Env": ["PATH=/bin", "EMPTY=", "EQUALS=a=b"],
        "User": "web",
        "WorkingDir": "/srv",
    }
    base = layer(
        directory("etc"),
        file("etc/passwd", b"web:x:101:102::/srv:/bin/sh\n"),
        directory("bin"),
        file("bin/tool", b"#!", 0o755, uid=101),
        link("bin/again", "bin/tool", hard=True),
        link("bin/sh", "/bin/tool"),
    )
    [image] = loading.load(pack(tmp_path / "a:b.tar", Image([base], config)), store)
    assert image == folders.ImageFolder(
        folder=store / "acme_one_1",
        names=(Reference("acme/one", "1"),),
        entrypoint=("/bin/tool",),
        args=("--port", "80"),
        env={"PATH": "/bin", "EMPTY": "", "EQUALS": "a=b"},
        user=User(101, 102, (), "/srv"),
        working_dir="/srv",
        root=store / "acme_one_1/root",
        architecture=folders.machine(),
        digest=image.digest,
    )
    root = store / "acme_one_1/root"
    assert (root / "bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (root / "bin/again").samefile(root / "bin/tool")
    assert (root / "bin/sh").readlink() == Path("/bin/tool")
    if not identities.only_root():
        owner = 101 if os.geteuid() == 0 else (root / "etc/passwd").stat().st_uid
        assert ((root / "bin/tool").stat().st_uid == owner) == (os.geteuid() == 0)
    assert [entry.name for entry in store.iterdir()] == ["acme_one_1"]


@both
def test_later_layers_take_away_what_earlier_ones_have(pack: Pack, tmp_path: Path, store: Path) -> None:
    first = layer(
        directory("kept"), file("kept/a"), file("kept/b"),
        directory("emptied"), file("emptied/a"),
        directory("gone"), file("gone/a"),
    )  # fmt: skip
    second = layer(
        directory("kept"), file("kept/.wh.a"), file("kept/c"),
        directory("emptied"), file("emptied/.wh..wh..opq"), file("emptied/new"),
        file(".wh.gone"),
    )  # fmt: skip
    [image] = loading.load(pack(tmp_path / "i.tar", Image([first, second])), store)
    assert image.root
    assert sorted(str(p.relative_to(image.root)) for p in image.root.rglob("*")) == [
        "emptied", "emptied/new", "kept", "kept/b", "kept/c",
    ]  # fmt: skip


@both
def test_all_images_of_an_archive_are_loaded(pack: Pack, tmp_path: Path, store: Path) -> None:
    other = Image([layer(file("other"))], name="docker.io/acme/two:2")
    found = loading.load(pack(tmp_path / "i.tar", Image(), other), store)
    assert [str(image.names[0]) for image in found] == ["acme/one:1", "acme/two:2"]
    assert [[p.name for p in image.root.iterdir()] for image in found if image.root] == [["hello"], ["other"]]
    with pytest.raises(BadImage, match="has 2 images, which cannot all have one name"):
        loading.load(tmp_path / "i.tar", store, [Reference("acme/three", "3")])


def test_an_archive_may_be_compressed_and_a_layout_a_directory(tmp_path: Path, store: Path) -> None:
    plain = docker(tmp_path / "plain.tar", Image())
    (tmp_path / "i.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    [image] = loading.load(tmp_path / "i.tar.gz", store)
    assert image.root
    assert (image.root / "hello").read_text() == "hello\n"
    packed = oci(tmp_path / "oci.tar", Image(name="acme/two:2"))
    (tmp_path / "layout").mkdir()
    subprocess.run(["tar", "-xf", packed, "-C", tmp_path / "layout"], check=True)
    [image] = loading.load(tmp_path / "layout", store)
    assert str(image.names[0]) == "acme/two:2"


def test_an_image_without_a_name_is_given_one(tmp_path: Path, store: Path) -> None:
    path = docker(tmp_path / "i.tar", Image(name=""))
    with pytest.raises(BadImage, match="does not say what its image is called: add --name NAME"):
        loading.load(path, store)
    with pytest.raises(BadImage, match="does not say what its image is called"):
        loading.load(oci(tmp_path / "tag.tar", Image(name="1.30.3")), store)
    [image] = loading.load(path, store, [Reference("acme/named", "2")])
    assert str(image.names[0]) == "acme/named:2"


def test_a_second_load_takes_the_place_of_the_first(tmp_path: Path, store: Path) -> None:
    loading.load(docker(tmp_path / "1.tar", Image()), store)
    [image] = loading.load(docker(tmp_path / "2.tar", Image([layer(file("new"))])), store)
    assert image.root
    assert [path.name for path in image.root.iterdir()] == ["new"]
    assert [entry.name for entry in store.iterdir()] == ["acme_one_1"]


def test_what_a_killed_load_has_left_is_removed_by_the_next(tmp_path: Path, store: Path) -> None:
    left = store / ".load-dead/image-0/root/bin"
    left.mkdir(parents=True)
    left.chmod(0o500)
    loading.load(docker(tmp_path / "i.tar", Image()), store)
    assert [entry.name for entry in store.iterdir()] == ["acme_one_1"]


def spoil_layer(files: dict[str, bytes]) -> None:
    name = max(files, key=lambda each: len(files[each]))
    files[name] = files[name][:600] + bytes([files[name][600] ^ 1]) + files[name][601:]


def without_layer(files: dict[str, bytes]) -> None:
    del files[max(files, key=lambda each: len(files[each]))]


CONTENT = os.urandom(100_000)


@both
@pytest.mark.parametrize("alter", [spoil_layer, without_layer])
def test_what_does_not_have_the_digest_that_it_should_is_refused(
    pack: Pack, alter: Callable[[dict[str, bytes]], None], tmp_path: Path, store: Path
) -> None:
    refused(pack(tmp_path / "i.tar", Image([layer(file("data", CONTENT))]), alter=alter), store)


@both
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_refused(pack: Pack, keep: float, tmp_path: Path, store: Path) -> None:
    path = pack(tmp_path / "i.tar", Image([layer(file("data", CONTENT))]))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    refused(path, store)
    path.write_bytes(gzip.compress(whole)[: int(len(gzip.compress(whole)) * keep)])
    refused(path, store)


@both
@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([file("../escaped")], '"../escaped" leads out of the image'),
        ([file("a/../../escaped")], '"a/../../escaped" leads out of the image'),
        ([link("a", "OUTSIDE"), file("a/escaped")], '"a/escaped" leads out of the image by a link'),
        ([link("a", "../../../../OUTSIDE")], '"a" is a link out of the image, to ../../../..'),
        ([link("a", "OUTSIDE/victim", hard=True)], '"a" is a hard link out of the image, to '),
        ([link("a", "../victim", hard=True)], '"a" is a hard link out of the image, to ../victim'),
    ],
)
def test_what_leads_out_of_an_image_is_refused(
    pack: Pack,
    entries: list[tuple[tarfile.TarInfo, bytes]],
    why: str,
    tmp_path: Path,
    store: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    aimed = []
    for entry, content in entries:
        again = tarfile.TarInfo(entry.name)
        again.type, again.size = entry.type, entry.size
        again.linkname = entry.linkname.replace("OUTSIDE", str(outside))
        aimed.append((again, content))
    assert why in refused(pack(tmp_path / "i.tar", Image([layer(*aimed)])), store)
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert not (tmp_path / "escaped").exists()


@both
def test_an_archive_whose_own_files_lead_out_of_it_writes_nothing_there(
    pack: Pack, tmp_path: Path, store: Path
) -> None:
    def alter(files: dict[str, bytes]) -> None:
        files["../../escaped"] = b"x"

    path = pack(tmp_path / "i.tar", Image(), alter=alter)
    before = {p for p in tmp_path.rglob("*") if "images" not in p.parts}
    with contextlib.suppress(BadImage):
        loading.load(path, store)
    assert {p for p in tmp_path.rglob("*") if "images" not in p.parts} == before
    assert not list(store.rglob("escaped"))


@both
def test_an_image_for_another_machine_is_refused(pack: Pack, tmp_path: Path, store: Path) -> None:
    why = refused(pack(tmp_path / "i.tar", Image(architecture="s390x")), store)
    assert why.endswith(f"the image is for s390x, this machine is {folders.machine()}")


@both
def test_ten_gigabytes_of_zeros_are_refused_without_being_unpacked(
    pack: Pack, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same with less to compress: 100 MB, of which none may be written.
    monkeypatch.setattr(layers, "LIMIT", 50_000_000)
    monkeypatch.setattr(layers.Budget, "__init__", lambda self: setattr(self, "left", layers.LIMIT))
    zeros = gzip.compress(layer(file("zeros", bytes(100_000_000))), 1)
    path = pack(tmp_path / "i.tar", Image([zeros]), **({"squeezed": False} if pack is oci else {}))
    assert path.stat().st_size < 1_000_000
    assert "it unpacks to more than" in refused(path, store)


@both
def test_zeros_that_are_no_archive_are_not_read_to_their_end(
    pack: Pack, tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers.Budget, "__init__", lambda self: setattr(self, "left", 50_000_000))
    zeros = gzip.compress(bytes(100_000_000), 1)
    path = pack(tmp_path / "i.tar", Image([zeros]), **({"squeezed": False} if pack is oci else {}))
    assert "it unpacks to more than" in refused(path, store)


def test_a_limit_is_said_in_gibibytes(tmp_path: Path, store: Path) -> None:
    entry = tarfile.TarInfo("zeros")
    entry.size = 10 << 30
    header = entry.tobuf() + bytes(1 << 20)  # the size is all that is looked at
    path = oci(tmp_path / "i.tar", Image([header]))
    assert refused(path, store).endswith("it unpacks to more than 4 GiB")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is broken: empty file"),
        (b"no archive at all", "is broken: "),
        (bytes(1 << 20), "is not an archive of docker save or skopeo copy: it has no list of images"),
        (layer(file("a")), "is not an archive of docker save or skopeo copy: it has no list of images"),
        (layer(file("manifest.json", b"{")), "is broken: its list of images is invalid"),
        (layer(file("manifest.json", b'["a"]')), "is broken: its list of images is invalid"),
        (layer(file("index.json", b"{}")), "is broken: its list of images is invalid"),
    ],
)
def test_what_is_no_archive_is_refused(content: bytes, why: str, tmp_path: Path, store: Path) -> None:
    path = tmp_path / "i.tar"
    path.write_bytes(content)
    assert why in refused(path, store)


def refused(path: Path, store: Path) -> str:
    """Why an archive is refused: in one line, and nothing is left of it."""
    with pytest.raises(BadImage) as caught:
        loading.load(path, store)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert str(store / ".load") not in str(caught.value)
    assert not store.exists() or not list(store.iterdir())
    return str(caught.value)


def test_an_archive_that_is_not_there(tmp_path: Path, store: Path) -> None:
    assert refused(tmp_path / "none.tar", store).endswith("there is no such file")


def images(*arguments: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", "images", *arguments],
        env=os.environ | {"XDG_CACHE_HOME": str(cache), "LAB_IMAGES": ""} | environment,
        capture_output=True,
        text=True,
    )


def test_the_command_line(tmp_path: Path) -> None:
    path = docker(tmp_path / "i.tar", Image())
    done = images("load", str(path), cache=tmp_path)
    folder = tmp_path / "mesh-authn-conformance/images/acme_one_1"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"lab: acme/one:1 is there, in {folder}\n")
    listed = images(cache=tmp_path).stdout.splitlines()
    assert listed[0].split() == ["IMAGE", "WHERE"]
    assert ["acme/one:1", str(folder)] in [line.split() for line in listed]
    assert any(line.startswith("curlimages/curl ") and line.endswith("this machine") for line in listed)
    again = images("load", str(path), "--name", "kong/httpbin", cache=tmp_path)
    assert again.returncode == 0
    assert "pods keep using this machine's program for kong/httpbin" in again.stderr
    path.write_bytes(b"")
    for arguments in (("load", str(path)), ("load", "none.tar"), ("load", str(path), "--name", "A B")):
        bad = images(*arguments, cache=tmp_path)
        assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1), bad
    (folder / "image.yaml").write_text("nonsense")
    assert f"lab: {folder}/image.yaml: expected a mapping\n" in images(cache=tmp_path).stderr


def test_without_the_programs_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MachineLacks, match=r"^skopeo is missing: apt-get install skopeo$"):
        loading.load(docker(tmp_path / "i.tar", Image()), tmp_path / "images")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
def test_without_room_one_line_says_where(tmp_path: Path) -> None:
    path = docker(tmp_path / "i.tar", Image([layer(file("data", os.urandom(3_000_000)))]))
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=2m none "$1" && XDG_CACHE_HOME="$1" "$2" -m lab images load "$3"; '
    script += 'code=$?; find "$1" -type f; exit $code'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(small), sys.executable, str(path)],
        capture_output=True,
        text=True,
    )
    store = small / "mesh-authn-conformance/images"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"lab: no space left in {store}\n")


def test_a_load_that_is_asked_to_end_leaves_nothing(tmp_path: Path) -> None:
    fifo = tmp_path / "i.tar"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "images", "load", str(fifo)],
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
    )
    with fifo.open("wb"):  # it reads
        process.terminate()
        assert process.wait(10) == 143
    assert process.stderr
    with process.stderr:
        assert process.stderr.read() == b""
    store = tmp_path / "mesh-authn-conformance/images"
    assert not store.exists() or not list(store.iterdir())


def test_loads_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = docker(tmp_path / "i.tar", Image())
    command = [sys.executable, "-m", "lab", "images", "load", str(path)]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    started = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    store = tmp_path / "mesh-authn-conformance/images"
    assert [entry.name for entry in store.iterdir()] == ["acme_one_1"]
    assert (store / "acme_one_1/root/hello").read_text() == "hello\n"
