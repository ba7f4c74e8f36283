"""Each file brings its own installation up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sigma.cli.demo.stage import Stage
from tests.e2e.app import Person, running

PATIENCE_S = 400
"""For one journey on a machine that runs the other tests at the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests time."""
    for item in filter(_here, items):
        item.add_marker(pytest.mark.timeout(PATIENCE_S))


def _here(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Exchange, worker, gateway and app, with two connected accounts."""
    with running(tmp_path_factory.mktemp("app")) as stage:
        yield stage


@pytest.fixture
def person(browser: Browser, stage: Stage) -> Iterator[Callable[..., Person]]:
    """Let people come to the app; they leave with the test."""
    there: list[Person] = []

    def come(**how: bool) -> Person:
        there.append(Person(browser, stage, **how))
        return there[-1]

    yield come
    for one in there:
        one.close()
