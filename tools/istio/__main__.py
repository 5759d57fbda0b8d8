"""Makes what Istio is installed from in a lab: ``make istio [ISTIO=version] [ISTIO_BINARIES=folder]``.

Exit codes: 0 the bundle is there; 2 it cannot be had, with the reason in one line; 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tools import bundles
from tools.istio import bundle as making
from tools.istio import programs
from tools.istio.errors import CannotMake
from tools.istio.programs import Say

DEFAULT = "v0.0.0-20260827124520-eed52ebb66ad"
"""The version that the suites were proven on: a commit of 1.31's development."""

DONE, CANNOT, INTERRUPTED = 0, 2, 130


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    start = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        bundle = _bundle(options.version or DEFAULT, options.binaries)
    except CannotMake as error:
        sys.stderr.write(f"make istio: {error}\n")
        return CANNOT
    except KeyboardInterrupt:
        sys.stderr.write("make istio: interrupted; nothing incomplete is left behind\n")
        return INTERRUPTED
    _say(f"Istio {bundle.name} is ready for the lab after {time.monotonic() - start:.0f} s: {bundle}")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.istio",
        description="Build Istio's images for the lab.",
        epilog=(__doc__ or "").partition("\n\n")[2],
    )
    parser.add_argument("--version", help=f"a tag or commit of istio.io/istio (default: {DEFAULT})")
    parser.add_argument(
        "--binaries",
        type=Path,
        metavar="FOLDER",
        help=f"with {', '.join(programs.PACKAGES)} that are already built",
    )
    return parser


def _bundle(version: str, binaries: Path | None) -> Path:
    """The bundle, made if it is not there; from now on labs are installed from it."""
    if not bundles.is_version(version):
        raise CannotMake(f"{version} is no version of Istio")
    with making.alone(_say) as parent:
        if binaries is None and bundles.is_whole(parent / version):
            bundles.choose(parent / version)
            return parent / version
        with making.half_made(parent) as work:
            origin = _origin(version, binaries, work, _say)
            bundle = parent / origin.name
            if not bundles.is_whole(bundle):
                filled = work / "bundle"
                filled.mkdir()
                making.fill(filled, origin)
                making.put_in_place(filled, bundle)
        bundles.choose(bundle)
        making.prune(parent, bundle)
    return bundle


def _origin(version: str, binaries: Path | None, work: Path, say: Say) -> programs.Origin:
    if binaries is not None:
        return programs.given(binaries.resolve(), DEFAULT)
    return programs.built(version, work / "built", say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
