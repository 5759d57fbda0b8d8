"""A small in-memory Kubernetes API server for unmodified kubectl and client libraries."""
