"""What every test shares: gaps of the environment are said in one line each, and are errors with CI=true."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests import environment
from tests.browser import browser

__all__ = ["browser"]

# How long an example takes says something of the machine, not of the law.
settings.register_profile("sigma", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sigma")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to start in continuous integration when something that tests need is missing."""
    if environment.CI and environment.gaps():
        raise pytest.UsageError("; ".join(environment.gaps()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs a browser where there is none; the summary says so, and with CI=true pytest does not even start."""
    if environment.BROWSER is None:
        items[:] = [item for item in items if "browser" not in getattr(item, "fixturenames", ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests could not run on this machine."""
    for line in environment.gaps():
        terminalreporter.write_line(f"not tested here: {line}", yellow=True)
