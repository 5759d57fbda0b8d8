"""Makes the suites' vocabulary known to pytest."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.interruption",
    "fixtures.targets.plugin",
    "fixtures.dry_run",
    "fixtures.shuffle",
    "fixtures.lanes.plugin",
    "fixtures.blocking",
    "fixtures.report.recording",
    "fixtures.report.plugin",
    "fixtures.plugin",
    "fixtures.pytest_plugin.cases",
    "fixtures.stopping",
    "fixtures.reporting",
    "fixtures.last_word",
    "fixtures.progress",
]
