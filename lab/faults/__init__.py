"""Deliberate non-conformances: a lab that is wrong in one way, to prove that the suites notice.

A fault is a function of one argument, which it may change and has to return. The type of the argument says
what it alters (`registry.HOOKS`): what users have declared (`Policies`), what
one proxy must do because of it (`SidecarConfig`), the same as Envoy reads it (`Resources`), a program that
the node starts (`Launch`), and so on.
"""

# They register their faults.
from lab.faults import current, extended, harness, istio_1_0  # noqa: F401
from lab.faults.listing import as_json, as_text
from lab.faults.loading import Faults, find, load
from lab.faults.registry import Fault, beyond, known

__all__ = ["Fault", "Faults", "as_json", "as_text", "beyond", "find", "known", "load"]
