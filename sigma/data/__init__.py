"""Facts that are shipped as files."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files


def calendar_texts() -> tuple[str, ...]:
    """Return the shipped calendars, a CSV text for each year, oldest first."""
    folder = files(__name__) / "calendar"
    return tuple(
        one.read_text(encoding="utf-8") for one in sorted(folder.iterdir(), key=lambda one: one.name) if one.name.endswith(".csv")
    )


def charge_texts() -> Mapping[str, str]:
    """Return the shipped tables of charges, a CSV text by broker."""
    folder = files(__name__) / "charges"
    found = sorted((one for one in folder.iterdir() if one.name.endswith(".csv")), key=lambda one: one.name)
    return {one.name.removesuffix(".csv"): one.read_text(encoding="utf-8") for one in found}


def freeze_text() -> str:
    """Return the shipped freeze quantities of index derivatives as CSV."""
    return (files(__name__) / "freeze" / "index_derivatives.csv").read_text(encoding="utf-8")
