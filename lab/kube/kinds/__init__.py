"""The kinds that are served, each with its schema, columns and strategy."""
