from __future__ import annotations

import itertools

import pytest

from lab.node.images import programs
from lab.node.images.programs import ContainerCommand, Readiness
from lab.node.images.references import Reference


@pytest.mark.parametrize(
    "reference",
    [
        "kong/httpbin",
        "kong/httpbin:0.2.3",
        "docker.io/kong/httpbin",
        "docker.io/kong/httpbin:latest@sha256:0123",
        "localhost/kong/httpbin",
        "localhost:5000/kong/httpbin:1",
        "registry.example.com/kong/httpbin",
    ],
)
def test_an_image_is_known_from_any_registry_with_any_tag(reference: str) -> None:
    assert Reference.parse(reference).repository == "kong/httpbin"
    assert programs.find(reference) is not None


@pytest.mark.parametrize("reference", ["nginx", "httpbin", "kong/httpbin2", "mirror/kong/httpbin", ""])
def test_other_images_are_not_known(reference: str) -> None:
    assert programs.find(reference) is None


@pytest.mark.parametrize(
    ("command", "args", "addresses"),
    [
        (None, None, "0.0.0.0:80"),
        (["gunicorn", "-b", "0.0.0.0:8080", "httpbin:app", "-k", "gevent"], None, "0.0.0.0:8080"),
        (["/usr/bin/gunicorn"], ["--bind=[::]:81", "httpbin:app"], "[::]:81"),
        (["gunicorn", "-b", ":8080", "--bind", ":8081", "httpbin:app"], None, ":8080 :8081"),
        (["gunicorn", "httpbin:app"], None, "127.0.0.1:8000"),
    ],
)
def test_httpbin_listens_where_gunicorn_would(
    command: list[str] | None, args: list[str] | None, addresses: str
) -> None:
    find = programs.find("kong/httpbin")
    assert find
    launch = find(ContainerCommand(command, args, {}))
    bound = [word for option, word in itertools.pairwise(launch.argv) if option == "--bind"]
    assert bound == addresses.split()
    assert launch.readiness is Readiness.ANNOUNCED


@pytest.mark.parametrize(
    ("args", "environment", "address"),
    [
        (None, {}, "0.0.0.0:8080"),
        (["-port", "81"], {}, "0.0.0.0:81"),
        (["--host=127.0.0.1", "-port=82"], {"PORT": "83"}, "127.0.0.1:82"),
        (None, {"PORT": "83", "HOST": "10.0.0.1"}, "10.0.0.1:83"),
    ],
)
def test_go_httpbin_listens_where_its_options_say(
    args: list[str] | None, environment: dict[str, str], address: str
) -> None:
    find = programs.find("mccutchen/go-httpbin")
    assert find
    launch = find(ContainerCommand(None, args, environment))
    assert launch.argv[launch.argv.index("--bind") + 1] == address


def test_any_other_command_is_run_as_it_is() -> None:
    find = programs.find("kong/httpbin")
    assert find
    launch = find(ContainerCommand(["sh", "-c"], ["echo hello"], {}))
    assert (launch.argv, launch.readiness) == (("sh", "-c", "echo hello"), Readiness.STARTED)
