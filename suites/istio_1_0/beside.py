"""The policy for httpbin.bar alone: beside it stand policies that must do nothing in the playground."""

from __future__ import annotations

# Nothing tells clients in the mesh to use mutual TLS.
BESIDE_A_POLICY_OF_BAR = """
                foo     bar     legacy
        foo     200     503     200
        bar     200     503     200
        legacy  200     000/56  200
"""
