"""Packs a bundle of Istio (`make istio`) as the images of a release are packed: archives of docker's layout.

`python -m tests.images.release BUNDLE FOLDER` writes one for each image. Their containers see nothing of this
machine; what else the programs need (libraries, authorities, nftables, iptables, a shell) is copied from it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.node.images import folders, programs
from tests.images import built

_SHELL = ("sh", "cat", "ls", "sleep", "id", "ps")
_TOOLS = ("/usr/sbin/nft", "/usr/sbin/xtables-nft-multi")
_IPTABLES = (
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
)
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSWD = b"root:x:0:0::/root:/bin/sh\nistio-proxy:x:1337:1337::/home/istio-proxy:/bin/sh\n"


def pack(folder: Path, into: Path) -> Path:
    """The image of a folder as an archive of a base layer and one with the image's own files."""
    image = folders.read(folder)
    assert image.files
    own = [(str(path.relative_to(image.files)), path) for path in image.files.rglob("*") if path.is_file()]
    own += [(path[1:], Path(programs.envoy_program())) for path in image.links]
    config = {
        "Entrypoint": list(image.entrypoint),
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        + [f"{name}={value}" for name, value in image.env.items()],
        "User": "istio-proxy",
    }
    layers = [
        built.layer(*_base([path for _, path in own])),
        built.layer(*(built.file(name, path.read_bytes(), 0o755) for name, path in own)),
    ]
    [name] = image.names
    into.mkdir(parents=True, exist_ok=True)
    archive = into / f"{name.repository.replace('/', '-')}.tar"
    return built.docker(archive, built.Image(layers, config, name=f"docker.io/{name}"))


def _base(programs: Iterable[Path]) -> Iterator[built.Entry]:
    for name in ("tmp", "var/tmp"):
        yield built.directory(name, 0o1777)
    yield built.file("etc/passwd", _PASSWD)
    yield built.file("etc/group", b"root:x:0:\nistio-proxy:x:1337:\n")
    if _AUTHORITIES.exists():  # without them pilot-agent complains, on its output
        yield built.file(str(_AUTHORITIES)[1:], _AUTHORITIES.read_bytes())
    yield built.file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755)
    for name in _SHELL:
        yield built.link(f"bin/{name}", "busybox")
    tools = [Path(tool) for tool in _TOOLS if Path(tool).exists()]
    for tool in tools:
        yield built.file(str(tool)[1:], tool.read_bytes(), 0o755)
    for name in _IPTABLES:
        yield built.link(f"usr/sbin/{name}", "xtables-nft-multi")
    needed = {library for program in [*programs, *tools] for library in _libraries(program)}
    needed |= {str(path) for path in Path("/usr/lib").glob("*/xtables/*.so")}
    for library in sorted(needed):
        yield built.file(library[1:], Path(library).read_bytes(), 0o755)


def _libraries(program: Path) -> list[str]:
    """What a program is linked with; nothing for one that needs none."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    return [word for line in done.stdout.splitlines() for word in line.split() if word.startswith("/")]


if __name__ == "__main__":
    bundle, target = map(Path, sys.argv[1:])
    for each in folders.folders([bundle]):
        sys.stdout.write(f"{pack(each, target)}\n")
