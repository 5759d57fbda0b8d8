"""Which kinds of object there are, and what is special about each: schemas, defaults, rules, columns."""
