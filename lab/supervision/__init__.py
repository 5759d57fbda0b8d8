"""The first processes in a lab's namespaces: the entrypoint, and the supervisor that composes the cluster."""
