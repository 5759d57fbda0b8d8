"""Deliberate non-conformances: a mesh that is wrong in one way, to prove that the suites notice.

A fault is a function of one argument, which it may change and has to return: the policies in force
(`Policies`), what one workload concludes from them (`Snapshot`), or a proxy's configuration (`Resources`, its
own copy). The type of the argument says which.
"""

from lab.faults import tokens, transport  # noqa: F401 - they register their faults
from lab.faults.registry import Fault, Faults, UnknownFault, describe, fault, load

__all__ = ["Fault", "Faults", "UnknownFault", "describe", "fault", "load"]
