"""The tasks that keep every proxy as the configuration wants it: files, keys, certificates, events."""
