"""Tables as pandas DataFrames with stable columns: the dictionaries below are the columns, in order, with their types.

Prices and amounts are rupees as float64 (missing: NaN), quantities are units, moments are aware UTC (missing: NaT), words
are text. An empty table has the same columns and types.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, NUMBER, TEXT, THING, WHOLE
from sigma.desk.cells import facts as _facts
from sigma.desk.cells import frame as _frame
from sigma.domain.accounts import Account, SessionStatus
from sigma.domain.events import Event, Heartbeat, JobRun
from sigma.domain.instruments import Listing
from sigma.domain.market import Quote
from sigma.domain.orders import Fill, Order, Origins
from sigma.domain.overview import Share
from sigma.domain.portfolio import Funds, Holding, Position
from sigma.domain.preview import Waiting
from sigma.domain.signals import Signal
from sigma.services.orders.amend import BulkResult
from sigma.services.portfolio import Taken
from sigma.services.settings import SettingRow
from sigma.services.turns import AccountUse

ACCOUNTS = {
    "id": WHOLE,
    "name": TEXT,
    "broker": TEXT,
    "simulated": FLAG,
    "client_id": TEXT,
    "is_default": FLAG,
    "enabled": FLAG,
    "trading_mode": TEXT,
    "auth_mode": TEXT,
    "state": TEXT,
    "user_name": TEXT,
    "obtained_at": MOMENT,
    "expires_at": MOMENT,
    "checked_at": MOMENT,
    "error": TEXT,
    "frozen_reason": TEXT,
    "created_at": MOMENT,
    "last_run_at": MOMENT,
}
LISTINGS = {
    "listing": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "series": TEXT,
    "lot_size": WHOLE,
    "tick_size": NUMBER,
    "freeze_quantity": MAYBE_WHOLE,
    "isin": TEXT,
    "expiry": THING,
    "strike": NUMBER,
    "option_type": TEXT,
    "underlying": TEXT,
}
QUOTES = {
    "listing": TEXT,
    "last_price": NUMBER,
    "change_percent": NUMBER,
    "open": NUMBER,
    "high": NUMBER,
    "low": NUMBER,
    "close": NUMBER,
    "volume": MAYBE_WHOLE,
    "bid": NUMBER,
    "ask": NUMBER,
    "lower_circuit": NUMBER,
    "upper_circuit": NUMBER,
    "open_interest": MAYBE_WHOLE,
    "at": MOMENT,
}
LAST_QUOTES = {
    "listing": TEXT,
    "last_price": NUMBER,
    "close": NUMBER,
    "change_percent": NUMBER,
    "at": MOMENT,
    "age_s": NUMBER,
}
HOLDINGS = {
    "account": TEXT,
    "listing": TEXT,
    "symbol": TEXT,
    "exchange": TEXT,
    "isin": TEXT,
    "quantity": WHOLE,
    "t1_quantity": WHOLE,
    "pledged_quantity": WHOLE,
    "sellable": MAYBE_WHOLE,
    "total": WHOLE,
    "average_price": NUMBER,
    "last_price": NUMBER,
    "close_price": NUMBER,
    "value": NUMBER,
    "pnl": NUMBER,
    "pnl_percent": NUMBER,
    "day_change": NUMBER,
    "authorised_quantity": WHOLE,
    "product": TEXT,
}
POSITIONS = {
    "account": TEXT,
    "listing": TEXT,
    "symbol": TEXT,
    "exchange": TEXT,
    "product": TEXT,
    "quantity": WHOLE,
    "overnight_quantity": WHOLE,
    "average_price": NUMBER,
    "last_price": NUMBER,
    "close_price": NUMBER,
    "pnl": NUMBER,
    "pnl_percent": NUMBER,
    "realised": NUMBER,
    "unrealised": NUMBER,
    "buy_quantity": WHOLE,
    "sell_quantity": WHOLE,
    "multiplier": WHOLE,
}
FUNDS = {
    "account": TEXT,
    "available": NUMBER,
    "used": NUMBER,
    "total": NUMBER,
    "collateral": NUMBER,
    "m2m_unrealized": NUMBER,
    "m2m_realized": NUMBER,
    "utilised_debits": NUMBER,
    "cash": NUMBER,
}
ORDERS = {
    "id": WHOLE,
    "created_at": MOMENT,
    "account": TEXT,
    "listing": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "filled_quantity": WHOLE,
    "order_type": TEXT,
    "product": TEXT,
    "price": NUMBER,
    "trigger_price": NUMBER,
    "average_price": NUMBER,
    "status": TEXT,
    "mode": TEXT,
    "source": TEXT,
    "strategy": TEXT,
    "validity": TEXT,
    "variety": TEXT,
    "gtt": FLAG,
    "broker_order_id": TEXT,
    "broker_status": TEXT,
    "broker_reason": TEXT,
    "risk_note": TEXT,
    "stale_reason": TEXT,
    "unsettled": FLAG,
    "cancel_wanted": FLAG,
    "client_order_id": TEXT,
    "external_id": TEXT,
    "signal_id": MAYBE_WHOLE,
    "parent_id": MAYBE_WHOLE,
    "generation": WHOLE,
    "slices": WHOLE,
    "slice_no": WHOLE,
    "session_date": THING,
    "approved_at": MOMENT,
    "sent_at": MOMENT,
    "final_at": MOMENT,
    "updated_at": MOMENT,
    "version": WHOLE,
    "simulated": FLAG,
}
WAITING = {**ORDERS, "platform": TEXT, "late": TEXT}
CANCELS = {
    "order_id": WHOLE,
    "listing": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "done": FLAG,
    "words": TEXT,
}
FILLS = {
    "id": WHOLE,
    "filled_at": MOMENT,
    "account": TEXT,
    "listing": TEXT,
    "side": TEXT,
    "product": TEXT,
    "quantity": WHOLE,
    "price": NUMBER,
    "value": NUMBER,
    "order_id": WHOLE,
    "broker_order_id": TEXT,
    "fill_id": TEXT,
    "exchange": TEXT,
    "session_date": THING,
    "simulated": FLAG,
}
SIGNALS = {
    "id": WHOLE,
    "received_at": MOMENT,
    "status": TEXT,
    "listing": TEXT,
    "side": TEXT,
    "quantity": MAYBE_WHOLE,
    "strategy": TEXT,
    "platform": TEXT,
    "bar_time": MOMENT,
    "external_id": TEXT,
    "note": TEXT,
    "shares": TEXT,
    "first_id": MAYBE_WHOLE,
}
SETTINGS = {
    "name": TEXT,
    "value": THING,
    "default": THING,
    "unit": TEXT,
    "scope": TEXT,
    "low": NUMBER,
    "high": NUMBER,
    "choices": TEXT,
    "changed": FLAG,
    "advanced": FLAG,
    "help": TEXT,
}
EVENTS = {
    "id": WHOLE,
    "at": MOMENT,
    "level": TEXT,
    "kind": TEXT,
    "account": TEXT,
    "text": TEXT,
    "detail": THING,
    "correlation_id": TEXT,
}
HEARTBEATS = {"process": TEXT, "at": MOMENT, "age_s": NUMBER, "pid": WHOLE, "detail": THING}

RUNS = {"job": TEXT, "scheduled_at": MOMENT, "started_at": MOMENT, "ended_at": MOMENT, "outcome": TEXT}
CALLS = {
    "account": TEXT,
    "name": TEXT,
    "words": TEXT,
    "calls": WHOLE,
    "waited": WHOLE,
    "waited_s": NUMBER,
    "refused": WHOLE,
    "limited": WHOLE,
    "limited_at": MOMENT,
    "closed_s": NUMBER,
}
ORIGINS = {"source": TEXT, "strategy": TEXT, "gtt": FLAG, "orders": WHOLE}
ALLOCATION = {"listing": TEXT, "account": TEXT, "value": NUMBER}


def accounts(rows: Iterable[tuple[Account, SessionStatus]]) -> pd.DataFrame:
    """Return accounts with what is known of their logins."""
    return _frame(ACCOUNTS, [_facts(ACCOUNTS, account, status) for account, status in rows])


def listings(rows: Iterable[Listing]) -> pd.DataFrame:
    """Return listings."""
    return _frame(LISTINGS, [_facts(LISTINGS, row, listing=row.text) for row in rows])


def quotes(found: Mapping[str, Quote], wanted: Sequence[str]) -> pd.DataFrame:
    """Return quotes in the order wanted; ``attrs["missing"]`` names the listings there is none of."""
    frame = _frame(QUOTES, [_quote(found[text]) for text in wanted if text in found])
    frame.attrs["missing"] = tuple(text for text in wanted if text not in found)
    return frame


def last_quotes(found: Mapping[str, Quote], wanted: Sequence[str], now: datetime) -> pd.DataFrame:
    """Return stored last prices in the order wanted, each once."""
    rows = [found[text] for text in dict.fromkeys(wanted) if text in found]
    return _frame(LAST_QUOTES, [_priced(LAST_QUOTES, row, age_s=(now - row.at).total_seconds()) for row in rows])


def holdings(account: str, taken: Taken[Holding], sellable: Mapping[str, int]) -> pd.DataFrame:
    """Return one account's holdings; `sellable` is what may be sold for delivery now, missing where it is not known."""
    rows = [_facts(HOLDINGS, row, account=account, sellable=sellable.get(row.listing or "")) for row in taken.rows]
    return _dated(_frame(HOLDINGS, rows), taken)


def positions(account: str, taken: Taken[Position]) -> pd.DataFrame:
    """Return one account's positions."""
    return _dated(_frame(POSITIONS, [_facts(POSITIONS, row, account=account) for row in taken.rows]), taken)


def funds(account: str, taken: Taken[Funds]) -> pd.DataFrame:
    """Return one account's money."""
    return _dated(_frame(FUNDS, [_facts(FUNDS, row, account=account) for row in taken.rows]), taken)


def orders(rows: Iterable[Order], names: Mapping[int, str], paper: Collection[int] = ()) -> pd.DataFrame:
    """Return orders; `names` are account names by id, `paper` the ids of those whose money is imaginary."""
    return _frame(ORDERS, [_facts(ORDERS, row, row.request, **_whose(row.account_id, names, paper)) for row in rows])


def origins(rows: Iterable[Origins]) -> pd.DataFrame:
    """Return where orders came from."""
    return _frame(ORIGINS, [_facts(ORIGINS, row) for row in rows])


def waiting(rows: Iterable[Waiting], names: Mapping[int, str], paper: Collection[int] = ()) -> pd.DataFrame:
    """Return what waits for approval."""
    facts = [_facts(WAITING, row, row.order, row.order.request, **_whose(row.order.account_id, names, paper)) for row in rows]
    return _frame(WAITING, facts)


def cancels(rows: Iterable[BulkResult]) -> pd.DataFrame:
    """Return what became of each order's cancel or approval; `quantity` is what was not executed yet."""
    return _frame(
        CANCELS,
        [_facts(CANCELS, row, row.order.request, order_id=row.order.id, quantity=row.order.unfilled) for row in rows],
    )


def fills(rows: Iterable[Fill], names: Mapping[int, str], paper: Collection[int] = ()) -> pd.DataFrame:
    """Return executions; `value` is quantity times price."""
    facts = [_facts(FILLS, row, value=row.price * row.quantity, **_whose(row.account_id, names, paper)) for row in rows]
    return _frame(FILLS, facts)


def signals(rows: Iterable[Signal], shares: Mapping[int, str]) -> pd.DataFrame:
    """Return messages received; `shares` says of each what became of it on accounts."""
    return _frame(SIGNALS, [_facts(SIGNALS, row, shares=shares.get(row.id, "")) for row in rows])


def settings(rows: Iterable[SettingRow]) -> pd.DataFrame:
    """Return settings."""
    return _frame(SETTINGS, [_facts(SETTINGS, row, row.spec, choices=", ".join(row.spec.choices)) for row in rows])


def events(rows: Iterable[Event], names: Mapping[int, str]) -> pd.DataFrame:
    """Return events; `names` are account names by id."""
    return _frame(EVENTS, [_facts(EVENTS, row, account=_named(row.account_id, names)) for row in rows])


def heartbeats(rows: Iterable[Heartbeat], now: datetime) -> pd.DataFrame:
    """Return processes with the age of their last sign of life in seconds."""
    return _frame(HEARTBEATS, [_facts(HEARTBEATS, row, age_s=(now - row.at).total_seconds()) for row in rows])


def runs(rows: Iterable[JobRun]) -> pd.DataFrame:
    """Return runs of jobs; one that has not ended has no end and no outcome."""
    return _frame(RUNS, [_facts(RUNS, row) for row in rows])


def calls(rows: Iterable[AccountUse]) -> pd.DataFrame:
    """Return how limits on calls were used; `name` and `words` are the limit's, the other columns `LimitUse` explains."""
    return _frame(CALLS, [_facts(CALLS, row.use, row.use.limit, account=row.account) for row in rows])


def allocation(rows: Iterable[Share]) -> pd.DataFrame:
    """Return holdings by value."""
    return _frame(ALLOCATION, [_facts(ALLOCATION, row) for row in rows])


def _quote(row: Quote) -> dict[str, Any]:
    bid, ask = (levels[0].price if levels else None for levels in (row.bids, row.asks))
    return _priced(QUOTES, row, bid=bid, ask=ask)


def _priced(columns: Mapping[str, str], row: Quote, **given: object) -> dict[str, Any]:
    """Return one quote's facts with its change since yesterday's close, missing without one."""
    change = (row.last_price - row.close) / row.close * 100 if row.close else None
    return _facts(columns, row, change_percent=change, **given)


def _whose(account_id: int | None, names: Mapping[int, str], paper: Collection[int]) -> dict[str, Any]:
    return {"account": _named(account_id, names), "simulated": account_id in paper}


def _named(account_id: int | None, names: Mapping[int, str]) -> str | None:
    return None if account_id is None else names.get(account_id, f"#{account_id}")


def _dated(frame: pd.DataFrame, taken: Taken[Any]) -> pd.DataFrame:
    frame.attrs.update({field.name: getattr(taken, field.name) for field in dataclasses.fields(taken) if field.name != "rows"})
    return frame
