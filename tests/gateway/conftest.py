from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.intake_house import IntakeHouse, client, open_intake_house, serving


@pytest.fixture
def house(tmp_path: Path) -> Iterator[IntakeHouse]:
    with open_intake_house(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def gateway(house: IntakeHouse) -> Iterator[httpx.Client]:
    with serving(house) as url, client(url) as session:
        yield session
