"""Whatever of a lab is killed, nothing of it is left."""

from __future__ import annotations

import os
import signal

from tests.e2e.lab.conftest import Home, gone


def layers(home: Home, name: str = "default") -> dict[str, int]:
    """The lab's outermost process, process 1 of its namespace, the supervisor, and who is outside."""
    processes = home.processes(name)
    (unshare,) = (pid for pid, line in processes.items() if "unshare" in line)
    (host_listener,) = (pid for pid, line in processes.items() if "host_listener.py" in line)
    first, supervisor = sorted(processes.keys() - {unshare, host_listener})[:2]
    return {"unshare": unshare, "process 1": first, "supervisor": supervisor, "host listener": host_listener}


def test_killing_any_layer_ends_everything_and_the_name_can_be_used_again_at_once(home: Home) -> None:
    for layer in ("unshare", "process 1", "supervisor", "host listener"):
        up = home.lab("up")
        assert up.returncode == 0, up.stderr
        running = home.processes()
        os.kill(layers(home)[layer], signal.SIGKILL)
        assert gone(list(running)), layer
        # What is on disk lies in the run directory, until somebody looks at the name again.
        assert [entry.name for entry in home.path.iterdir()] == ["default"]
    assert home.lab("status").returncode == 1
    assert list(home.path.iterdir()) == []


def test_killing_a_foreground_command_ends_its_lab(home: Home) -> None:
    process = home.foreground()
    running = home.processes()
    process.kill()
    process.wait()
    assert gone(list(running))


def test_a_supervisor_that_hangs_is_ended_too(home: Home) -> None:
    assert home.lab("up").returncode == 0
    running = home.processes()
    os.kill(layers(home)["supervisor"], signal.SIGSTOP)
    assert home.lab("down").returncode == 0
    assert gone(list(running))
    assert list(home.path.iterdir()) == []


def test_an_ordinary_user_runs_a_lab_too(ordinary: Home) -> None:
    up = ordinary.lab("up")
    assert up.returncode == 0, up.stderr
    running = ordinary.processes()
    assert running
    assert ordinary.lab("down").returncode == 0
    assert gone(list(running))
    assert list(ordinary.path.iterdir()) == []
