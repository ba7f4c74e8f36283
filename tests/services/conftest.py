"""The services, furnished."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.rooms import Rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    """The services on a new database."""
    made = Rooms(tmp_path / "home")
    yield made
    made.close()
