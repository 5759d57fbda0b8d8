"""What runs in the mesh: pods and the sidecars put into them, gateways, Services and their endpoints."""
