"""The API as clients see it over HTTP: paths, bodies, answers, watches, exec and logs."""
