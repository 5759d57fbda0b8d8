"""The command line: `python -m lab up|down|status|faults|images|completion`.

Exit codes: 0 done; 1 `status`: no such lab runs; 2 usage error (unknown option, fault or mesh, bad name, bad
image); 3 the machine lacks something; 4 the port or the name is in use; 5 the lab failed to start, or ended
by itself.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lab.cli import completion, standing, version
from lab.config import NO_MESH, BadFault
from lab.host import identities, launch, run_directory
from lab.images import commands as commands_of_images
from lab.mesh.config.apis import APIS
from lab.node.images import search_path
from lab.node.images.search_path import BadImage, MachineLacks
from lab.node.processes.syscalls import die_with_parent

OK = 0
NOT_RUNNING = 1
USAGE = 2
PRECONDITION = 3
IN_USE = 4
FAILED = 5

DEFAULT_NAME = "default"
DEFAULT_MESH = next(iter(APIS))
_PATIENCE_S = 3.0


UsageError = standing.UsageError


_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop(BaseException):
    """A signal asked a foreground lab to end."""


_CODES: dict[type[Exception], int] = {
    UsageError: USAGE,
    run_directory.BadName: USAGE,
    run_directory.Unusable: PRECONDITION,
    launch.PreconditionMissing: PRECONDITION,
    run_directory.NameInUse: IN_USE,
    launch.PortInUse: IN_USE,
    BadFault: USAGE,
    BadImage: USAGE,
    MachineLacks: PRECONDITION,
    launch.DidNotStart: FAILED,
    standing.NotThere: FAILED,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    completion.answer(parser)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except tuple(_CODES) as error:
        for line in str(error).splitlines():
            _say(f"lab: {line}")
        return next(code for kind, code in _CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        _say("lab: interrupted")
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="An embedded Kubernetes cluster with a reference service mesh.",
        epilog=__doc__ and __doc__.partition("\n\n")[2],
    )
    parser.add_argument("--version", action="version", version=version.line())
    commands = parser.add_subparsers(required=True, metavar="up|down|status|faults|images|completion")
    up = commands.add_parser("up", help="start a lab", description='Typical use: eval "$(python -m lab up)"')
    up.add_argument(
        "--name",
        default=DEFAULT_NAME,
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
    up.set_defaults(run=_up)
    down = commands.add_parser("down", help="end a lab and remove its files")
    which = down.add_mutually_exclusive_group()
    completion.offer(
        which.add_argument("--name", default=DEFAULT_NAME, help="(default: %(default)s)"), completion.labs
    )
    which.add_argument("--all", action="store_true", help="every lab of this user")
    down.set_defaults(run=_down)
    status = commands.add_parser("status", help="list the labs of this user")
    completion.offer(status.add_argument("--name", help="only this one"), completion.labs)
    status.set_defaults(run=_status)
    faults = commands.add_parser("faults", help="list the faults for `up --fault`")
    named = faults.add_argument("names", nargs="*", metavar="NAME", help="only these faults (default: all)")
    completion.offer(named, completion.faults)
    faults.add_argument("-o", "--output", choices=("text", "json"), default="text", help="(default: text)")
    faults.set_defaults(run=_faults)
    commands_of_images.add(commands)
    completion.add_to(commands)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f'"{text}" is no port')
    return int(text)


def _up(options: argparse.Namespace) -> int:
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
        _say(
            f"lab: {options.name} is ready after {time.monotonic() - began:.2f} s; run directory {lock.path}"
        )
        if mesh == NO_MESH and (why := identities.only_root()):
            _say(f"lab: pods can only run as root here; images that declare another user do not run: {why}")
        if options.at:
            standing.stand(options.at, path)
            _say(f"lab: python -m lab down --name {options.name} ends it")
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
    _say("lab: the lab ended unexpectedly; the end of its log:")
    _say(launch.end_of_log(lock.path))
    return FAILED


def _clean_up(started: launch.Started | None, lock: run_directory.Lock) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    if started is not None and started.process.poll() is None:
        run_directory.end(lock.path, _PATIENCE_S)
        started.process.wait()
    if started is not None:
        started.host_listener.wait()
    lock.remove()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stop


def _down(options: argparse.Namespace) -> int:
    for name in run_directory.names() if options.all else [options.name]:
        path = run_directory.directory_of(name)
        was_running = run_directory.end(path, _PATIENCE_S)
        run_directory.wait_until_free(path, _PATIENCE_S)
        if (left := run_directory.existing(name)) is not None:
            left.remove()
        _say(f"lab: {name} {'has ended' if was_running else 'was not running'}")
    return OK


def _status(options: argparse.Namespace) -> int:
    running = []
    for name in [options.name] if options.name else run_directory.names():
        try:
            if (left := run_directory.existing(name)) is not None:
                left.remove()
        except run_directory.NameInUse:
            running.append((name, run_directory.read_state(run_directory.directory_of(name))))
    if not running:
        _say(f"lab: {options.name or 'no lab'} is not running" if options.name else "lab: no lab is running")
        return NOT_RUNNING
    for name, state in running:
        if state is None:
            sys.stdout.write(f"{name}\tstarting\n")
        else:
            faults = ",".join(state["faults"]) or "-"
            sys.stdout.write(
                f"{name}\trunning since {state['since']}\tport {state['port']}\tmesh {state['mesh']}\t"
                f"faults {faults}\tKUBECONFIG={state['kubeconfig']}\n"
            )
            for line in _refusing_proxies(name, state["mesh"]):
                sys.stdout.write(f"{name}\t{line}\n")
    return OK


def _refusing_proxies(name: str, mesh: str) -> Iterator[str]:
    """A line for each proxy of the reference mesh that rejects its configuration."""
    if mesh == NO_MESH:
        return
    from lab.cli import rejecting_proxies

    try:
        for pod, message in rejecting_proxies.of_lab(run_directory.directory_of(name) / "kubeconfig"):
            yield f"proxy of pod {pod}: {message}"
    except rejecting_proxies.NoAnswer as error:
        yield f"whether a proxy refuses its configuration is not known: the API server: {error}"


def _faults(options: argparse.Namespace) -> int:
    from lab import faults

    chosen = list(map(faults.find, options.names)) or [*faults.known(), *faults.beyond()]
    listing = faults.as_json(chosen) if options.output == "json" else faults.as_text(chosen)
    sys.stdout.write(listing + "\n")
    return OK


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


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
