"""Reports as earlier versions of the suite have written them."""

from __future__ import annotations

from typing import Any

from fixtures.report import conclusion


def as_version_1(report: dict[str, Any]) -> dict[str, Any]:
    """The same run as earlier versions of the suite have reported it."""
    run = {"profile" if name == "mode" else name: value for name, value in report["run"].items()}
    rows = []
    for case in report["cases"]:
        later = ("address", "step", "quote", "policies", "observation")
        row = {name: value for name, value in case.items() if name not in later}
        if grids := conclusion.grids_of(case):
            cells = [
                {name: value for name, value in each.items() if name != "what"}
                for each in grids[0]["differences"]
            ]
            of_it = {name: value for name, value in grids[0].items() if name not in ("form", "of")}
            of_step = {"step": case["step"], "policies": case["policies"]}
            row["grids"] = [{**of_step, **of_it, "differences": cells}]
        rows.append(row)
    meshes = [{**mesh, "statistics": _statistics(mesh["statistics"])} for mesh in report["implementations"]]
    whole = {"implementations": meshes, "statistics": _statistics(report["statistics"])}
    return {**report, **whole, "apiVersion": "mesh-authn-conformance/v1", "run": run, "cases": rows}


def _statistics(figures: dict[str, Any]) -> dict[str, Any]:
    settle = {name: value for name, value in figures["settle"].items() if name in ("grids", "p50", "max")}
    return {**figures, "settle": settle}
