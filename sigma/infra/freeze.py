"""The freeze quantities that are shipped: no broker's master carries them."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from sigma.data import freeze_text
from sigma.domain.errors import ConfigError


def shipped_freeze() -> Mapping[tuple[str, str], int]:
    """Return the largest quantity (units) of one order, by exchange segment and the underlying's canonical text.

    Raises
    ------
    ConfigError
        The file of the installation is damaged.
    """
    lines = [line for line in freeze_text().splitlines() if line and not line.startswith("#")]
    try:
        rows = {(row["exchange"], row["underlying"]): int(row["freeze_quantity"]) for row in csv.DictReader(lines)}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("The freeze quantities that are shipped cannot be read.", hint="Install SigmaTrader anew.") from error
    if not rows or min(rows.values()) <= 0:
        raise ConfigError("The freeze quantities that are shipped are not there.", hint="Install SigmaTrader anew.")
    return rows
