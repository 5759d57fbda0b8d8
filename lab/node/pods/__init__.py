"""The kubelet: pods, their containers, probes, volumes, environment and status."""
