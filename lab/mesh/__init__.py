"""The reference mesh: policies in, Envoy configuration out. Each package imports only those below it.

control_plane/   watches the cluster, and keeps the files of every proxy up to date
config/          what users configure, by policy API, and what follows from it for each workload
workloads/       what the cluster runs: pods with their sidecars, gateways, Services and endpoints
envoy/           the model as Envoy resources
model/           what each proxy must do: the same for every policy API
"""
