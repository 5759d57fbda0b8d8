"""The lab: an embedded Kubernetes cluster with a reference service mesh, one process tree."""
