"""What became of closed positions, as a table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, TEXT, WHOLE, facts, frame
from sigma.services.orders.close import CloseResult

CLOSES = {
    "listing": TEXT,
    "product": TEXT,
    "quantity": WHOLE,
    "left": WHOLE,
    "order_id": MAYBE_WHOLE,
    "done": FLAG,
    "words": TEXT,
}


def closes(rows: Iterable[CloseResult]) -> pd.DataFrame:
    """Return what became of each position; `quantity` and `left` are units before and at the last look, short below 0."""
    return frame(CLOSES, [facts(CLOSES, row) for row in rows])
