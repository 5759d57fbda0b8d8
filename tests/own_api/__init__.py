"""A mesh with an API of its own: one kind, a controller that makes it into what the reference understands."""
