"""Authentication Policy, Istio 1.0: MeshPolicy, Policy and DestinationRule."""
