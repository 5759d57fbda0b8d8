"""``make istio``: the programs of one version of Istio as images for the lab."""
