"""Compares what clients and servers meet under real Istio with what they meet under the reference mesh."""
