"""What became of a message, account by account."""

from __future__ import annotations

from collections.abc import Mapping

from pages.ui.badges import badges, escape
from pages.ui.order_acts import short
from pages.ui.rows import rows, text
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.orders import Order
from sigma.domain.show import Chip, Tone
from sigma.domain.strategies import ShareState

SHARE_CHIPS = {
    ShareState.PENDING: Chip("◔ Being sized", Tone.MOVES),
    ShareState.DONE: Chip("● Order made", Tone.GOOD),
    ShareState.SKIPPED: Chip("– Skipped", Tone.OVER),  # noqa: RUF001 - the dash of the order chips
    ShareState.FAILED: Chip("✕ Failed", Tone.BAD),
}


def came(signal_id: int) -> list[str]:
    """Return a line of Markdown for each account of a message, and for each order of it that has none yet."""
    mine = desk()
    shares = mine.signals.shares(signal_id)
    made = {number: mine.orders.get(number) for number in map(int, mine.orders.table(signal_id=signal_id)["id"])}
    marks = {badge.name: badge.coloured for badge in badges()}
    found = []
    for row in rows(shares):
        number = show.number(row.order_id)
        order = made.pop(int(number), None) if number is not None else None
        chip = SHARE_CHIPS[ShareState(row.state)]
        where = marks.get(text(row.account), escape(text(row.account)))
        found.append(_line(where, chip, order, text(row.note)))
    return found + [_line(_place(order, marks), SHARE_CHIPS[ShareState.DONE], order, "") for _, order in sorted(made.items())]


def _place(order: Order, marks: Mapping[str, str]) -> str:
    names = {badge.id: badge.name for badge in badges()}
    name = names.get(order.account_id or 0)
    return marks[name] if name else "no account yet"


def _line(where: str, chip: Chip, order: Order | None, note: str) -> str:
    said = note
    if order is not None:
        chip = show.status_chip(order.status, unsettled=order.unsettled)
        reasons = (order.broker_reason, order.risk_note, order.stale_reason, note)
        said = " · ".join((f"{short(order)} (order {order.id}, {order.mode})", *dict.fromkeys(filter(None, reasons))))
    return f"{where} :{chip.tone}-badge[{escape(chip.text)}] {escape(said)}".rstrip()
