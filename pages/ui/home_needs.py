"""What needs a person: orders nobody can vouch for, accounts that cannot send, orders that wait or failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from pages.ui.badges import Badge, escape
from pages.ui.queue_rows import source
from pages.ui.rows import rows, text
from sigma.domain import show
from sigma.domain.accounts import SessionState
from sigma.domain.orders import OrderStatus
from sigma.domain.show import MISSING, STATUS_CHIPS, UNSETTLED_CHIP, Chip, Tone

EXPIRED, ERROR, NEVER = SessionState.EXPIRED, SessionState.ERROR, SessionState.NEVER


@dataclass(frozen=True, slots=True)
class Need:
    """One line of "Needs you".

    Parameters
    ----------
    key : str
        Which sort it is, for the keys of widgets.
    words : str
        Markdown.
    path, query : str, mapping
        Where a person does something about it.
    """

    key: str
    chip: Chip
    words: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at, as the desk gives it: orders of unknown outcome, what waits longest, today's failures, accounts.

    Parameters
    ----------
    queue : DataFrame
        The oldest order that waits; none when nothing does.
    waiting : int
        How many wait.
    lost : DataFrame
        Today's messages that made no order, or none on some account of their strategy, newest first: `desk.signals.lost`.
    """

    unknown: pd.DataFrame
    queue: pd.DataFrame
    waiting: int
    faulty: pd.DataFrame
    accounts: pd.DataFrame
    lost: pd.DataFrame


def needs(facts: Facts, badges: Sequence[Badge], now: datetime) -> list[Need]:
    """Return what needs the person, the most pressing first."""
    marks = {badge.name: badge.coloured for badge in badges}
    return [
        *_unknown(facts.unknown, marks, now),
        *_frozen(facts.accounts, marks),
        *_logins(facts.accounts, marks, now),
        *_queue(facts, now),
        *_faulty(facts.faulty, marks, now),
        *_lost(facts.lost, marks, now),
    ]


def order_words(row: Any, marks: Mapping[str, str]) -> str:
    """Return an order in Markdown: side, quantity, listing and, where it has one, the account."""
    account = text(row.account)
    place = f" on {marks.get(account, escape(account))}" if account else ""
    return f"{row.side} {show.quantity(row.quantity)} {escape(row.listing)}{place}"


def _unknown(found: pd.DataFrame, marks: Mapping[str, str], now: datetime) -> Iterator[Need]:
    orders = list(rows(found))
    lost, checked = ([row for row in orders if bool(row.unsettled) is settle] for settle in (True, False))
    for key, some, what, hint in (
        ("unsettled", lost, UNSETTLED_CHIP, "Say what became of it."),
        ("unknown", checked, STATUS_CHIPS[OrderStatus.UNKNOWN], "It is being looked for at the broker: do not place it again."),
    ):
        for first in some[:1]:
            chip = Chip(f"? {_count(len(some), 'outcome')} {'unsettled' if key == 'unsettled' else 'unknown'}", what.tone)
            sent = f", sent {show.when(first.sent_at, now)} IST" if show.moment(first.sent_at) else ""
            yield Need(key, chip, f"{order_words(first, marks)}{sent}. {hint}", "orders", _at(first.account))


def _frozen(accounts: pd.DataFrame, marks: Mapping[str, str]) -> Iterator[Need]:
    for row in rows(accounts):
        if text(row.frozen_reason):
            words = f"{marks[row.name]} sends nothing: {escape(row.frozen_reason)}"
            yield Need(f"frozen:{row.id}", Chip("✕ Account frozen", Tone.BAD), words, "health")


def _logins(accounts: pd.DataFrame, marks: Mapping[str, str], now: datetime) -> Iterator[Need]:
    wanted = [row for row in rows(accounts) if row.enabled]
    for state, glyph, what in (
        (EXPIRED, "▲", "session expired"),
        (ERROR, "▲", "session in doubt"),
        (NEVER, "○", "not connected"),
    ):
        some = [row for row in wanted if row.state == state]
        if not some:
            continue
        words = what if len(some) == 1 or state == NEVER else what.replace("session", "sessions")
        chip = Chip(f"{glyph} {len(some)} {words}", Tone.OVER if state == NEVER else Tone.STOPPED)
        said = [f"{marks[row.name]}{_since(row, now)}" for row in some]
        yield Need(f"login:{state}", chip, ", ".join(said), "brokers", {"connect": some[0].name})


def _since(row: Any, now: datetime) -> str:
    if row.state == EXPIRED:
        return f" since {show.when(row.expires_at, now)} IST"
    return f": {escape(text(row.error))}" if row.state == ERROR and text(row.error) else ""


def _queue(facts: Facts, now: datetime) -> Iterator[Need]:
    for first in rows(facts.queue.head(1)):
        what = "1 order waits" if facts.waiting == 1 else f"{facts.waiting} orders wait"
        made = f"{show.when(first.created_at, now)} IST"
        age = show.age((now - first.created_at).total_seconds())
        asked = " · ".join(escape(word) for word in (source(first.source, text(first.platform)), text(first.strategy)) if word)
        chip = Chip(f"◔ {what} in the queue", STATUS_CHIPS[OrderStatus.WAITING].tone)
        yield Need("queue", chip, f"oldest from {age} ago ({made}), {asked}", "queue")


def _faulty(faulty: pd.DataFrame, marks: Mapping[str, str], now: datetime) -> Iterator[Need]:
    orders = list(rows(faulty))
    failed, stopped = ([row for row in orders if (row.status == OrderStatus.REJECTED_RISK) is risk] for risk in (False, True))
    for key, some, chip, why in (
        ("failed", failed, STATUS_CHIPS[OrderStatus.REJECTED], "broker_reason"),
        ("stopped", stopped, STATUS_CHIPS[OrderStatus.REJECTED_RISK], "risk_note"),
    ):
        for first in some[:1]:
            what = f"{_count(len(some), 'order')} {'failed' if key == 'failed' else 'stopped by risk'} today"
            reason = escape(text(getattr(first, why))) or MISSING
            words = f"last {order_words(first, marks)} at {show.when(first.updated_at, now)} IST: {reason}"
            yield Need(key, Chip(f"✕ {what}", chip.tone), words, "orders", _at(first.account))


def _lost(found: pd.DataFrame, marks: Mapping[str, str], now: datetime) -> Iterator[Need]:
    signals = list(rows(found))
    for first in signals[:1]:
        chip = Chip(f"✕ {_count(len({row.id for row in signals}), 'signal')} made no order today", Tone.BAD)
        account = text(first.account)
        place = f" on {marks.get(account, escape(account))}" if account else ""
        who = escape(text(first.strategy) or "a message without a strategy")
        words = f"last {who}{place} at {show.when(first.received_at, now)} IST: {escape(text(first.note)) or MISSING}"
        yield Need("lost", chip, words, "activity", {"signal": str(first.id)})


def _at(account: object) -> dict[str, str]:
    return {"account": text(account)} if text(account) else {}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
