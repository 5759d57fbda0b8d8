"""No false alarms: `python -m tools.soak` runs the suites again and again against the reference mesh.

Labs stay up, one a document. Each run is one of mode quick with its cases in another order, under load
(a busy process a core); between two runs the ingress gateway's pod is replaced. The order follows from the
run's seed, and what was wrong is printed with it. A mesh that is installed (`--mesh istio`) has a lab of its
own in each run.

Exit codes: 0 every run was right; 1 some were not; 2 usage error; 3 a lab did not start; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes import client, config

from tools import forked_suites
from tools.children import Children, children
from tools.lab_program import kubeconfig_in
from tools.numbers import counted

OK, WRONG, USAGE, NO_LAB, INTERRUPTED = 0, 1, 2, 3, 130

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "reports" / "soak"
"""Here stays the report of a wrong run, with its evidence."""
DOCUMENTS = tomllib.loads((ROOT / "suites" / "documents.toml").read_text())
BOTH = [name for name, document in DOCUMENTS.items() if "profile" in document]
"""The documents: each has a reference mesh of its own in the lab."""

BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: sum(range(1_000_000))"


class NoLab(RuntimeError):
    """A lab did not start; the message is its own."""


@dataclass(frozen=True)
class Installed:
    """A mesh that each run installs into a lab of its own."""

    suite: str
    mesh: str

    def options(self) -> list[str]:
        return ["--mesh", self.mesh]

    def after_run(self) -> None:
        """The lab has ended with its run."""


@dataclass(frozen=True)
class Lab:
    """A lab that stays up, with the reference mesh that a suite is for."""

    suite: str
    kubeconfig: Path

    @property
    def context(self) -> str:
        return str(yaml.safe_load(self.kubeconfig.read_text())["current-context"])

    def options(self) -> list[str]:
        mesh = DOCUMENTS[_document(self.suite)]["profile"]
        reached = ["--kubeconfig", str(self.kubeconfig), "--context", self.context]
        return ["--target", "cluster", *reached, "--mesh", mesh]

    def after_run(self) -> None:
        """Has the ingress gateway's pod replaced, and does not wait for the new one."""
        directly = client.Configuration(proxy="", no_proxy="")
        config.load_kube_config(
            str(self.kubeconfig),
            client_configuration=directly,
            persist_config=False,
            temp_file_path=str(self.kubeconfig.parent),
        )
        api = client.CoreV1Api(client.ApiClient(directly))
        api.delete_collection_namespaced_pod("istio-system", label_selector="istio=ingressgateway")


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    suite: str
    seed: int
    exit_code: int
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    suites = BOTH if options.suite == "all" else [options.suite]
    start, wrong = time.monotonic(), []
    _say(f"{counted(options.runs, 'run')} of {', '.join(suites)}, seeds from {options.seed}")
    try:
        with children() as ours:
            labs = [
                Installed(suite, options.mesh) if options.mesh else _started(suite, ours) for suite in suites
            ]
            for _ in range(options.load):
                ours.start([sys.executable, "-c", BUSY])
            for seed in range(options.seed, options.seed + options.runs):
                began = time.monotonic()
                outcomes = _run(labs, seed, ours)
                bad = [outcome for outcome in outcomes if outcome.exit_code]
                wrong += bad
                said = "; ".join(map(_described, bad)) or "right"
                _say(f"seed {seed}: {said} ({time.monotonic() - began:.1f} s)")
                for outcome in bad:
                    _say(outcome.output)
    except NoLab as problem:
        _say(str(problem))
        return NO_LAB
    except KeyboardInterrupt:
        return INTERRUPTED
    _say(f"{counted(options.runs, 'run')} in {time.monotonic() - start:.0f} s, {len(wrong)} wrong")
    for outcome in wrong:
        _say(_described(outcome))
    return WRONG if wrong else OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak",
        description="Run the suites again and again, in shuffled order and under load.",
        epilog=__doc__ and __doc__.rpartition("\n\n")[2],
    )
    parser.add_argument("--runs", type=_number, default=200, help="(default: %(default)s)")
    parser.add_argument("--seed", type=_number, default=1, help="of the first run (default: %(default)s)")
    parser.add_argument(
        "--suite", choices=("all", *DOCUMENTS), default="all", help="(default: %(default)s, the documents)"
    )
    parser.add_argument("--mesh", metavar="PROFILE", help="one that is installed (default: the reference)")
    parser.add_argument(
        "--load", type=_number, default=os.cpu_count() or 1, help="busy processes (default: %(default)s)"
    )
    return parser


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'"{text}" is no number')
    return int(text)


def _document(suite: str) -> str:
    """The document whose meshes a suite is for."""
    return str(DOCUMENTS[suite].get("api", suite))


def _started(suite: str, ours: Children) -> Lab:
    command = [sys.executable, "-m", "lab", "up", "--foreground", "--mesh", _document(suite)]
    name = ["--name", f"soak-{os.getpid()}-{suite.replace('.', '-')}"]
    process = ours.start([*command, *name], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout
    kubeconfig = kubeconfig_in(process.stdout.readline())
    if not kubeconfig:
        raise NoLab(f"the lab for {suite} did not start")
    return Lab(suite, kubeconfig)


def _run(labs: Sequence[Lab | Installed], seed: int, ours: Children) -> list[Outcome]:
    """One run of each suite, at the same time, and a new gateway before the next."""

    def one(lab: Lab | Installed) -> Outcome:
        # Soaks of two meshes at once must not take each other's folders for their own.
        folder = REPORTS / str(os.getpid()) / f"{lab.suite}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        options = [
            *("--color=no", "-q", "-p", "no:cacheprovider"),
            *lab.options(),
            *("--suite", lab.suite),
            *("--mode", "quick", "--shuffle", str(seed)),
            *("--reports", str(folder / "reports")),
        ]
        exit_code, output = forked_suites.run(options, folder, ours)
        if not exit_code:
            shutil.rmtree(folder)
        lab.after_run()
        return Outcome(lab.suite, seed, exit_code, output)

    with ThreadPoolExecutor(len(labs)) as pool:
        try:
            return list(pool.map(one, labs))
        except BaseException:
            # Or else the pool waits until the run is over.
            ours.end()
            raise


def _described(outcome: Outcome) -> str:
    return f"{outcome.suite} with --shuffle {outcome.seed} exited with {outcome.exit_code}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
