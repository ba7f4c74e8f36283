"""`desk.settings`: every setting there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.domain.settings import Value

if TYPE_CHECKING:
    from sigma.bootstrap import House


class SettingsDesk:
    """Settings in force for one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def get(self, name: str) -> Value:
        """Return a setting's value in force."""
        return self._house.settings.get(name, self._user_id)

    def set(self, name: str, value: Value) -> Value:
        """Change a setting and return its value; those of the installation only as its owner."""
        return self._house.settings.set(name, value, user_id=self._user_id)

    def table(self) -> pd.DataFrame:
        """Return all settings with values, bounds and help; columns: frames.SETTINGS."""
        return frames.settings(self._house.settings.table(self._user_id))
