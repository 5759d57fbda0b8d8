"""`python -m tests.compare --seed 1 --number 500`: where the reference mesh differs from real Istio.

Exit code 1: there are differences that nobody has listed; 2: the comparison could not be made.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.compare import admission, planes
from tests.compare.behaviour import running as behaviour

COMPARISONS = {"admission": admission.compare, "behaviour": behaviour.compare}


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    wanted = list(COMPARISONS) if options.what == "all" else [options.what]
    try:
        with contextlib.ExitStack() as running:
            istio = options.istio or running.enter_context(planes.istio())
            reference = options.reference or running.enter_context(planes.reference())
            unlisted = [COMPARISONS[each](istio, reference, options.seed, options.number) for each in wanted]
    except planes.NotThere as missing:
        sys.stderr.write(f"compare-istio: {missing}\n")
        return 2
    return 1 if any(unlisted) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compare-istio", description=sys.modules["tests.compare"].__doc__, allow_abbrev=False
    )
    parser.add_argument("--what", choices=[*COMPARISONS, "all"], default="all", help="default: all")
    parser.add_argument("--seed", type=_number, default=1, help="what to generate (default: 1)")
    parser.add_argument(
        "--number", type=_number, default=500, help="of objects, and of sets of policies (default: 500)"
    )
    running = "kubeconfig of a cluster that is there already, instead of a lab of its own"
    parser.add_argument("--istio", type=_file, metavar="FILE", help=running)
    parser.add_argument("--reference", type=_file, metavar="FILE", help=running)
    return parser


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
