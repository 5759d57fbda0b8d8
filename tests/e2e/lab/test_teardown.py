"""Whatever of a lab is killed, nothing of it is left."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.lab.conftest import Home, gone


def _layers(home: Home, name: str = "default") -> dict[str, int]:
    """The lab's outermost process, process 1 of its namespace, the supervisor, and who is outside."""
    processes = home.processes(name)
    (unshare,) = (pid for pid, line in processes.items() if "unshare" in line)
    (host_listener,) = (pid for pid, line in processes.items() if "host_listener.py" in line)
    first, supervisor = sorted(processes.keys() - {unshare, host_listener})[:2]
    return {"unshare": unshare, "process 1": first, "supervisor": supervisor, "host listener": host_listener}


@pytest.mark.parametrize("layer", ["unshare", "process 1", "supervisor", "host listener"])
def test_killing_any_layer_ends_everything(home: Home, layer: str) -> None:
    assert home.lab("up").returncode == 0
    running = home.processes()
    os.kill(_layers(home)[layer], signal.SIGKILL)
    assert gone(list(running))
    # What is on disk lies in the run directory, until somebody looks at the name again.
    assert [entry.name for entry in home.path.iterdir()] == ["default"]
    assert home.lab("status").returncode == 1
    assert list(home.path.iterdir()) == []


def test_a_name_can_be_used_again_at_once_after_a_kill(home: Home) -> None:
    for _ in range(2):
        assert home.lab("up").returncode == 0
        running = home.processes()
        os.kill(_layers(home)["supervisor"], signal.SIGKILL)
        assert gone(list(running))
    up = home.lab("up")
    assert up.returncode == 0, up.stderr


def test_killing_a_foreground_command_ends_its_lab(home: Home) -> None:
    process = home.foreground()
    running = home.processes()
    process.kill()
    process.wait()
    assert gone(list(running))


def test_a_supervisor_that_hangs_is_ended_too(home: Home) -> None:
    assert home.lab("up").returncode == 0
    running = home.processes()
    os.kill(_layers(home)["supervisor"], signal.SIGSTOP)
    assert home.lab("down").returncode == 0
    assert gone(list(running))
    assert list(home.path.iterdir()) == []


def test_two_labs_run_side_by_side(home: Home) -> None:
    assert home.lab("up", "--name", "one").returncode == 0
    assert home.lab("up", "--name", "two").returncode == 0
    status = home.lab("status").stdout.splitlines()
    assert [line.split("\t")[0] for line in status] == ["one", "two"]
    first, second = home.processes("one"), home.processes("two")
    assert first.keys().isdisjoint(second)
    # The gateway's pod may still be starting, and so its processes come and go.
    layers = _layers(home, "two")
    home.lab("down", "--name", "one")
    assert gone(list(first))
    assert _layers(home, "two") == layers


def test_an_ordinary_user_runs_a_lab_too(ordinary: Home) -> None:
    up = ordinary.lab("up")
    assert up.returncode == 0, up.stderr
    running = ordinary.processes()
    assert running
    assert ordinary.lab("down").returncode == 0
    assert gone(list(running))
    assert list(ordinary.path.iterdir()) == []
