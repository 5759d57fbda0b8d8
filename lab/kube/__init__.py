"""A small Kubernetes API server, in memory, that unmodified kubectl and client libraries speak to."""
