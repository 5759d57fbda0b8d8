"""What of a lab runs in the host's own namespaces: it starts the lab, and opens sockets for it."""
