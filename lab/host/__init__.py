"""The part of a lab in the host's own namespaces: starts the lab, and opens sockets for it."""
