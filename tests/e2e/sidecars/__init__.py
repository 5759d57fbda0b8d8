"""Pods with sidecars in a whole lab: the same on the reference mesh and on real Istio (--plane)."""
