"""The command line: `python -m lab up|down|status|faults|images|completion`.

Exit codes: 0 done; 1 `status`: no such lab runs; 2 usage error (unknown option, fault or mesh, bad name, bad
image); 3 the machine lacks something; 4 the port or the name is in use; 5 the lab failed to start, or ended
by itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from lab.cli import completion, standing, up, version
from lab.cli.exit_codes import FAILED, IN_USE, NOT_RUNNING, OK, PRECONDITION, USAGE
from lab.cli.messages import say
from lab.config import NO_MESH, BadFault
from lab.host import launch, run_directory
from lab.images import commands as commands_of_images
from lab.node.images.search_path import BadImage, MachineLacks

_CODES: dict[type[Exception], int] = {
    standing.UsageError: USAGE,
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
            say(f"lab: {line}")
        return next(code for kind, code in _CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        say("lab: interrupted")
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
    up.add_to(commands)
    down = commands.add_parser("down", help="end a lab and remove its files")
    which = down.add_mutually_exclusive_group()
    completion.offer(
        which.add_argument("--name", default=run_directory.DEFAULT_NAME, help="(default: %(default)s)"),
        completion.labs,
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


def _down(options: argparse.Namespace) -> int:
    for name in run_directory.names() if options.all else [options.name]:
        path = run_directory.directory_of(name)
        was_running = run_directory.end(path, run_directory.PATIENCE_S)
        run_directory.wait_until_free(path, run_directory.PATIENCE_S)
        if (left := run_directory.existing(name)) is not None:
            left.remove()
        say(f"lab: {name} {'has ended' if was_running else 'was not running'}")
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
        say(f"lab: {options.name or 'no lab'} is not running" if options.name else "lab: no lab is running")
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
