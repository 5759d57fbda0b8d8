"""What runs in the mesh: pods and their sidecars, gateways, Services and their endpoints."""
