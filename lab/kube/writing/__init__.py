"""From a request to a stored object: applying, patching, replacing, deleting, and who owns which field."""
