"""Completion of command lines: ``eval "$(python -m lab completion bash)"``.

The shell asks the program itself what fits, as argcomplete defines it: ``_ARGCOMPLETE`` says how many words
the command is, ``COMP_LINE`` and ``COMP_POINT`` what has been typed, and the answer comes on descriptor 8.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from lab.cli.exit_codes import OK
from lab.host import run_directory

ASKED = "_ARGCOMPLETE"

# Bash looks a command up by the last part of its path, so that the interpreter of any environment will do.
BASH = r"""_mesh_lab_completion() {
    COMPREPLY=()
    [[ ${COMP_WORDS[1]} == -m && ${COMP_WORDS[2]} == lab && $COMP_CWORD -gt 2 ]] || return 0
    local IFS=$'\013'
    COMPREPLY=($(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_TYPE=$COMP_TYPE \
        _ARGCOMPLETE=3 _ARGCOMPLETE_SHELL=bash _ARGCOMPLETE_IFS=$IFS \
        _ARGCOMPLETE_COMP_WORDBREAKS=$COMP_WORDBREAKS \
        "$1" -m lab 8>&1 9>&2 >/dev/null 2>&1 </dev/null))
}
complete -o default -o bashdefault -F _mesh_lab_completion python python3
"""

Names = Callable[[], Iterable[str]]


def add_to(commands: Any) -> None:
    """Add the command that prints the shell's completion script."""
    parser = commands.add_parser(
        "completion",
        help="print shell completion for `python -m lab`",
        description='Typical use: eval "$(.venv/bin/python -m lab completion bash)"',
    )
    parser.add_argument("shell", choices=("bash",))
    parser.set_defaults(run=_run)


def offer(argument: argparse.Action, names: Names) -> None:
    """Complete an argument from these names."""
    argument.completer = lambda **_: names()  # type: ignore[attr-defined]


def answer(parser: argparse.ArgumentParser) -> None:
    """Answer a shell's completion request, and exit; does nothing if there is none."""
    if ASKED in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


def labs() -> Iterable[str]:
    """The names of this user's labs."""
    return run_directory.names()


def faults() -> Iterable[str]:
    """The names of all faults."""
    from lab import faults

    return [fault.name for fault in (*faults.known(), *faults.beyond())]


def _run(_options: argparse.Namespace) -> int:
    sys.stdout.write(BASH)
    return OK
