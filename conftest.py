"""Makes the suites' vocabulary known to pytest."""

pytest_plugins = ["fixtures.options", "fixtures.plugin", "fixtures.reporting"]
