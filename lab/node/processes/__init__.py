"""Processes in the namespaces of pods: how they are started, with which mounts and as which user."""
