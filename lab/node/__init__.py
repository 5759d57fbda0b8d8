"""The node of the embedded cluster: pods as processes, networks, services, names, probes."""
