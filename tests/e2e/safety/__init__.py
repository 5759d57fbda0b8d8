"""Targets other than the lab, and what keeps a run from harming them. One lab stands for the cluster."""
