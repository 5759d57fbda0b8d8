from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.images import loading
from lab.node.images.references import Reference
from lab.node.images.search_path import BadImage
from tests.images.built import Image, docker, needs_engines

pytestmark = [
    needs_engines,
    pytest.mark.skipif(
        not shutil.which("docker-registry"),
        reason="docker-registry is missing: apt-get install docker-registry",
    ),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of a registry on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = tmp_path / "registry.yaml"
    storage = f"{{filesystem: {{rootdirectory: {tmp_path / 'registry'}}}}}"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {storage}\nhttp: {{addr: '{address}'}}\n"
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the registry does not listen"
                assert process.poll() is None, "the registry has ended"
                time.sleep(0.02)
        yield address
    finally:
        process.terminate()
        process.wait()


def push(archive: Path, name: str) -> str:
    """Pushes the one image of an archive; returns its digest."""
    digest = archive.with_suffix(".digest")
    command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
    subprocess.run(
        [*command, f"--digestfile={digest}", f"docker-archive:{archive}", f"docker://{name}"], check=True
    )
    return digest.read_text().strip()


def test_an_image_is_pulled_by_its_tag_and_by_its_digest(registry: str, tmp_path: Path) -> None:
    store = tmp_path / "images"
    digest = push(docker(tmp_path / "i.tar", Image()), f"{registry}/acme/one:1")
    image = loading.pull(f"{registry}/acme/one:1", store)
    assert image.names == (Reference("acme/one", "1"),)
    assert image.root
    assert (image.root / "hello").read_text() == "hello\n"
    pinned = loading.pull(f"{registry}/acme/one@{digest}", store)
    assert (pinned.names, pinned.digest) == ((Reference("acme/one"),), digest)
    both = loading.pull(f"{registry}/acme/one:1@{digest}", store)
    assert (both.names, both.digest) == ((Reference("acme/one", "1"),), digest)
    assert len(list(store.iterdir())) == 2


def test_what_a_registry_does_not_have_is_said_in_one_line(registry: str, tmp_path: Path) -> None:
    store = tmp_path / "images"
    with pytest.raises(BadImage) as caught:
        loading.pull(f"{registry}/acme/none:1", store)
    assert str(caught.value).startswith(f"{registry}/acme/none:1: skopeo: ")
    assert "manifest unknown" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(store.iterdir())


def test_a_registry_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BadImage, match="connection refused") as caught:
        loading.pull(f"{address}/acme/one:1", tmp_path / "images")
    assert "\n" not in str(caught.value)
    with pytest.raises(BadImage, match=r'^"A B" is not an image name$'):
        loading.pull("A B", tmp_path / "images")
