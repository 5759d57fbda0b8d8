"""Makes the suites' vocabulary known to pytest."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.targets.plugin",
    "fixtures.report.recording",
    "fixtures.report.plugin",
    "fixtures.plugin",
    "fixtures.reporting",
]
