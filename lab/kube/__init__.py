"""A small Kubernetes API server: in memory, one event loop, spoken to by unmodified kubectl and client libraries."""
