"""The first processes in a lab's namespaces: the entrypoint, and the supervisor, which runs the cluster."""
