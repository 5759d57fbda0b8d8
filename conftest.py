"""Makes the suites' vocabulary known to pytest."""

pytest_plugins = ["fixtures.plugin", "fixtures.reporting"]
