"""The reference mesh: policies in, Envoy configuration out.

world                   what the cluster says
current/, istio_1_0/    what the policies of either API say; they do not know each other
networking/             what both have in common: Gateway, VirtualService, DestinationRule
model                   what follows for each workload: the same for every policy API
envoy/, files           the same as Envoy resources, in files that Envoy watches
policy_api, apis        what the control plane has to know of a policy API, and which there are
controller              the task that keeps all of it up to date
"""
