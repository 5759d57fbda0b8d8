"""The control plane: watches the cluster, and keeps the files and keys of every proxy up to date."""
