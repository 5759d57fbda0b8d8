"""``python -m lab up``: starts a lab, and with ``--foreground`` stays until it ends."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from lab.cli import completion, standing
from lab.cli.exit_codes import FAILED, OK
from lab.cli.messages import say
from lab.cli.standing import UsageError
from lab.config import NO_MESH
from lab.host import identities, launch, run_directory
from lab.mesh.config.apis import APIS
from lab.node.images import search_path
from lab.node.processes.syscalls import die_with_parent

DEFAULT_MESH = next(iter(APIS))

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop(BaseException):
    """A signal asked a foreground lab to end."""


def add_to(commands: Any) -> None:
    """The command and its options."""
    up = commands.add_parser("up", help="start a lab", description='Typical use: eval "$(python -m lab up)"')
    up.add_argument(
        "--name",
        default=run_directory.DEFAULT_NAME,
        help="name of the lab; labs with different names run side by side (default: %(default)s)",
    )
    mesh = up.add_argument(
        "--mesh",
        help=f"policy API of the reference mesh: {', '.join(APIS)}; or {NO_MESH}, to install another mesh "
        f"(default: {DEFAULT_MESH}, or what the case of --at needs)",
    )
    up.add_argument(
        "--at",
        metavar="CASE",
        help="also deploy the suites' playground, and apply exactly the policies of this case's step",
    )
    completion.offer(mesh, lambda: (*APIS, NO_MESH))
    fault = up.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="make the mesh wrong on purpose: a name from `faults`, or path/to/file.py:function; repeatable",
    )
    completion.offer(fault, completion.faults)
    up.add_argument(
        "--port", type=_port, default=0, help="port of the API server on 127.0.0.1 (default: any free one)"
    )
    up.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="PATH",
        help="where to write the kubeconfig (default: the run directory)",
    )
    up.add_argument(
        "--playgrounds",
        type=int,
        default=1,
        metavar="N",
        help="reserve inotify instances for this many playgrounds (default: %(default)s)",
    )
    up.add_argument(
        "--images",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a directory with image folders, searched before those of "
        f"${search_path.VARIABLE} and the user's own; repeatable",
    )
    up.add_argument(
        "--foreground", action="store_true", help="keep running, and end the lab with this process"
    )
    up.set_defaults(run=_run)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f'"{text}" is no port')
    return int(text)


def _run(options: argparse.Namespace) -> int:
    parent = os.getppid()
    if options.foreground:
        # What asks the lab to end is heard once there is somebody to remove what has been made.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        die_with_parent(signal.SIGTERM)
        for number in _ENDING:
            signal.signal(number, _stop)
        if os.getppid() != parent:
            return OK  # the caller ended before it could be noticed
    if options.mesh not in (None, *APIS, NO_MESH):
        raise UsageError(f'unknown mesh "{options.mesh}"; known are: {", ".join((*APIS, NO_MESH))}')
    kubeconfig = options.kubeconfig.absolute() if options.kubeconfig else None
    if kubeconfig and not kubeconfig.parent.is_dir():
        raise UsageError(f"--kubeconfig: there is no directory {kubeconfig.parent}")
    images = _image_directories(options.images)
    mesh = standing.mesh_for(options.at, options.mesh) if options.at else options.mesh or DEFAULT_MESH
    began = time.monotonic()
    chosen = _chosen_faults(options.fault, mesh)
    lock = run_directory.lock(options.name)
    lock.sweep()
    started: launch.Started | None = None
    ends = options.foreground
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        with launch.listen(options.port) as listener:
            started = launch.start(
                options.name,
                lock,
                listener,
                mesh=mesh,
                faults=chosen,
                kubeconfig=kubeconfig,
                with_parent=options.foreground,
                playgrounds=options.playgrounds,
                images=images,
            )
        path = started.config.kubeconfig
        say(f"lab: {options.name} is ready after {time.monotonic() - began:.2f} s; run directory {lock.path}")
        if mesh == NO_MESH and (why := identities.only_root()):
            say(f"lab: pods can only run as root here; images that declare another user do not run: {why}")
        if options.at:
            standing.stand(options.at, path)
            say(f"lab: python -m lab down --name {options.name} ends it")
        sys.stdout.write(f"export KUBECONFIG={shlex.quote(path)}\n")
        sys.stdout.flush()
        if not options.foreground:
            lock.close()
            return OK
        return _stay(started, lock)
    except _Stop:
        return OK
    except BaseException:
        # Without --foreground the lab goes on by itself, but only one that is as it was asked for.
        ends = True
        raise
    finally:
        if ends or started is None:
            _clean_up(started, lock)


def _chosen_faults(names: Sequence[str], mesh: str) -> tuple[str, ...]:
    """As the lab can use them. Raises BadFault before anything is taken, or waited for, that a lab needs."""
    chosen = tuple(map(_absolute, names))
    if chosen:
        # Imported only here: a lab without faults starts without them.
        from lab import faults

        faults.load(chosen, mesh)
    return chosen


def _absolute(fault: str) -> str:
    """The name of a fault as the lab, which works in another directory, can use it."""
    path, _, function = fault.rpartition(":")
    return f"{Path(path).absolute()}:{function}" if ".py:" in fault else fault


def _image_directories(given: Sequence[Path]) -> tuple[str, ...]:
    """The directories with images. Raises UsageError and BadImage for those of `--images`."""
    asked = search_path.asked_for(given)
    for name, directory in asked:
        try:
            next(directory.iterdir(), None)
        except PermissionError as error:
            raise UsageError(f"{name}: {directory} cannot be read") from error
        except OSError as error:
            raise UsageError(f"{name}: there is no directory {directory}") from error
    directories = [directory.absolute() for _, directory in asked]
    if directories:
        from lab.node.images.store import ImageStore

        ImageStore(directories).folders()
    return tuple(map(str, [*directories, search_path.own()]))


def _stay(started: launch.Started, lock: run_directory.Lock) -> int:
    """Waits for a signal, or until the lab ends by itself."""
    started.process.wait()
    say("lab: the lab ended unexpectedly; the end of its log:")
    say(launch.end_of_log(lock.path))
    return FAILED


def _clean_up(started: launch.Started | None, lock: run_directory.Lock) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if started is not None and started.process.poll() is None:
        run_directory.end(lock.path, run_directory.PATIENCE_S)
        started.process.wait()
    if started is not None:
        started.host_listener.wait()
    lock.remove()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stop
