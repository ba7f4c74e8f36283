"""Taking waiting orders back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from pages.ui.badges import escape
from pages.ui.confirm import Outcome, Question, ask
from pages.ui.order_acts import short
from pages.ui.queue_rows import summed
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.story import title

MOST_NAMED = 12


def cancel(chosen: pd.DataFrame) -> None:
    """Ask whether to take waiting orders back, as they are in these rows."""
    versions = {int(row.Index): int(row.version) for row in rows(chosen)}
    key = "queue-cancel:" + "-".join(map(str, versions))
    value = summed([show.number(value) for value in chosen["value"]])
    if len(versions) == 1:
        order = desk().orders.get(next(iter(versions)))
        body = f"{escape(title(order))}, {value}. It waits here and was not sent."
        ask(Question(f"Cancel {short(order)}?", body, "Keep order", "Cancel order"), key, partial(_cancelled_one, versions))
        return
    named = [escape(f"{row.side} {show.quantity(row.quantity)} {row.listing} · {row.origin}") for row in rows(chosen)]
    body = "  \n".join((f"{len(named)} orders, {value}. They wait here and were not sent.", *some(named)))
    question = Question(f"Cancel {len(named)} waiting orders?", body, "Keep orders", f"Cancel {len(named)} orders")
    ask(question, key, partial(_cancelled, versions))


def some(lines: Sequence[str]) -> list[str]:
    """Return lines, the last ones as a count when there are many."""
    rest = len(lines) - MOST_NAMED
    return [*lines] if rest <= 0 else [*lines[:MOST_NAMED], f"and {rest} more"]


def _cancelled_one(versions: Mapping[int, int]) -> str:
    ((order_id, version),) = versions.items()
    order = desk().orders.cancel(order_id, version=version)
    return f"{short(order)}: cancelled, nothing was sent."


def _cancelled(versions: Mapping[int, int]) -> Sequence[Outcome]:
    results = []
    for order_id, version in versions.items():
        what = escape(f"Cancel {short(desk().orders.get(order_id))}")
        try:
            desk().orders.cancel(order_id, version=version)
        except SigmaError as error:
            results.append(Outcome(what, False, escape(str(error))))
        else:
            results.append(Outcome(what, True))
    return results
