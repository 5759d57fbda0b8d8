"""The pod network, service proxy, DNS and load balancer of the node, and the traffic capture of pods."""
