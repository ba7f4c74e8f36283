"""Facts that are shipped as files."""

from __future__ import annotations

from importlib.resources import files


def calendar_texts() -> tuple[str, ...]:
    """Return the shipped calendars, a CSV text for each year, oldest first."""
    folder = files(__name__) / "calendar"
    return tuple(
        one.read_text(encoding="utf-8") for one in sorted(folder.iterdir(), key=lambda one: one.name) if one.name.endswith(".csv")
    )
