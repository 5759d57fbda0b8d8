"""Makes the suites' vocabulary known to pytest."""

import pytest

_PLUGINS = [
    "fixtures.pytest_plugin.version",
    "fixtures.pytest_plugin.options",
    "fixtures.pytest_plugin.selection",
    "fixtures.pytest_plugin.requirement_option",
    "fixtures.pytest_plugin.interruption",
    "fixtures.pytest_plugin.target",
    "fixtures.pytest_plugin.dry_run",
    "fixtures.pytest_plugin.shuffle",
    "fixtures.pytest_plugin.lanes.plugin",
    "fixtures.pytest_plugin.blocking",
    "fixtures.pytest_plugin.report.recording",
    "fixtures.pytest_plugin.report.plugin",
    "fixtures.pytest_plugin.suite_fixtures",
    "fixtures.pytest_plugin.cases",
    "fixtures.pytest_plugin.garbage",
    "fixtures.pytest_plugin.stopping",
    "fixtures.pytest_plugin.pausing",
    "fixtures.pytest_plugin.terminal.reporting",
    "fixtures.pytest_plugin.last_word",
    "fixtures.pytest_plugin.terminal.progress",
]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """As modules. For each in a `pytest_plugins`, pytest would look through all that is installed."""
    for name in _PLUGINS:
        pluginmanager.import_plugin(name)
