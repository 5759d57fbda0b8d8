"""What the proxy of a workload must do, in terms of neither Envoy nor any policy API."""
