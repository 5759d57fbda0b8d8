"""The reference mesh: policies in, Envoy configuration out.

world, current/    what the cluster and the policies of the current API say
model              what follows for each workload: the same for every policy API
envoy/, files      the same as Envoy resources, in files that Envoy watches
controller         the task that keeps all of it up to date
"""

from lab.mesh.controller import ReferenceMesh

__all__ = ["ReferenceMesh"]
