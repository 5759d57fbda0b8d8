"""The mesh-wide policy with the rule for its clients, in which several sections begin."""

from __future__ import annotations

MESH_WIDE_RULE = ("istio-1.0/mesh-policy.yaml", "istio-1.0/mutual-tls-mesh.yaml")

# The row of legacy is section "Request from non-Istio services to Istio services", for which "there is no
# solution", and its column is "Request from Istio services to non-Istio services".
ALL_CLIENTS_MUTUAL = """
                foo     bar     legacy
        foo     200     200     503
        bar     200     200     503
        legacy  000/56  000/56  200
"""
