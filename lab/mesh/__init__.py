"""The reference mesh: policies in, Envoy configuration out. Each package imports only those below it.

control_plane/   watches the cluster, and keeps the configuration files of every proxy up to date
config/          policy APIs: what users configure, and what follows from it for each workload
workloads/       pods and their sidecars, gateways, Services and endpoints
envoy/           translates the model into Envoy resources
model/           what each proxy must do, the same for every policy API
"""
