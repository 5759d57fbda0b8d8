"""The API over HTTP: paths, bodies, responses, watches, exec and logs."""
