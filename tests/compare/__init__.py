"""Gives generated objects to real Istio and to the reference mesh, and says where they differ."""
