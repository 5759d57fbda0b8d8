"""Runs from inside a cluster: with a service account's token, and no more rights than it is given."""
