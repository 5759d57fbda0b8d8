"""The kinds of objects that are served, and what is special about each: schema, columns, strategy."""
