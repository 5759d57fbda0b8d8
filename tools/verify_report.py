"""Checks a ConformanceReport that somebody sends: ``make verify-report FILE=...``.

Exit codes: 0 the report is sound, whatever it says about the mesh; 1 it is not, with a line for each mistake;
3 it cannot be told, as it was made by a version of the suite with other cases; 4 there is no such file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fixtures.files.checked_yaml import CheckedYaml
from fixtures.model.errors import HarnessError
from fixtures.report import checks, declared
from fixtures.report.checks import AnotherSuite
from fixtures.report.collecting import Collecting

SOUND, NOT_SOUND, COULD_NOT_TELL, USAGE = 0, 1, 3, 4


class Parser(argparse.ArgumentParser):
    """With the exit code for wrong usage that `pytest suites` has."""

    def error(self, message: str) -> Any:
        self.exit(USAGE, f"verify_report: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Check one file, and say what it is and what is wrong with it."""
    parser = Parser(description="Check a ConformanceReport.", epilog=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args(arguments).file
    try:
        checked = CheckedYaml(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"{file} cannot be read: {error}")
    try:
        mistakes = checks.mistakes(checked, Collecting().result())
    except (AnotherSuite, HarnessError) as error:
        _say(f"{file}: could not tell: {error}", sys.stderr)
        return COULD_NOT_TELL
    for mistake in mistakes:
        _say(f"{file}:{mistake.line}: {mistake.text}", sys.stderr)
    if mistakes:
        return NOT_SOUND
    for line in summary(checked.data):
        _say(line)
    return SOUND


def summary(report: dict[str, Any]) -> list[str]:
    """What a sound report says, in a few lines."""
    lines = ["The report is sound. What it says:"]
    for mesh in report["implementations"]:
        name = " ".join(filter(None, (mesh.get("name"), mesh.get("version"))))
        counts = ", ".join(
            f"{number} {kind}" for kind, number in mesh["statistics"]["results"].items() if number
        )
        what = f"{mesh['document']}, {name}" if name else mesh["document"]
        lines.append(f"  {what}: {mesh['result']} ({counts})")
        lines += [f"    {said}" for said in _declared(mesh)]
    if faults := report["run"].get("faults"):
        lines.append(f"  This mesh was made wrong on purpose: {', '.join(faults)}.")
    lines.append(f"  all in all: {report['result']}")
    return lines


def _declared(mesh: dict[str, Any]) -> list[str]:
    """Who stands behind a mesh, and what does not agree with what was seen."""
    said = mesh.get("declared")
    if not said:
        return []
    names = " ".join(filter(None, (said["project"], said.get("version"))))
    who = f"declared as {names} of {said['organization']} ({said['url']}; {', '.join(said['contact'])})"
    return [who, *filter(None, [declared.another_version(mesh)])]


def _say(line: str, where: Any = None) -> None:
    print(line, file=where or sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
