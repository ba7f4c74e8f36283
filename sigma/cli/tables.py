"""Which columns each list has, in which order, and which leave first on a narrow terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sigma.cli import texts
from sigma.cli.table import Column, Row, of
from sigma.domain.money import indian

if TYPE_CHECKING:
    import pandas as pd


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as mappings, with None for what is missing."""
    whole = frame.astype(object)
    return [{str(key): value for key, value in row.items()} for row in whole.where(frame.notna(), None).to_dict("records")]


def _time(header: str, key: str, now: datetime, **more: Any) -> Column:
    return of(header, key, lambda value: texts.when(value, now), **more)


def _filled(row: Row) -> Text:
    done, wanted = texts.number(row.get("filled_quantity")) or Decimal(0), texts.number(row.get("quantity")) or Decimal(0)
    return Text(indian(wanted, 0) if not done else f"{indian(done, 0)}/{indian(wanted, 0)}")


def _why(row: Row) -> Text:
    """The broker's words plain, the gate's in orange, a stale mark in yellow: three sources that look different."""
    parts = (
        (texts.word(row.get("broker_reason")), ""),
        (texts.word(row.get("risk_note")), "dark_orange"),
        (texts.word(row.get("stale_reason")), "yellow"),
    )
    return Text(" · ").join(Text(words, style) for words, style in parts if words)


def _status(row: Row) -> Text:
    return texts.chip(row.get("status"), unsettled=row.get("unsettled") is True)


def _wish(now: datetime) -> list[Column]:
    """Columns that every list of orders starts with."""
    return [
        of("ID", "id", right=True),
        _time("Time", "created_at", now, rank=1),
        of("Account", "account", rank=2),
        of("Listing", "listing"),
        of("Side", "side", texts.side),
        Column("Qty", _filled, right=True),
        of("Type", "order_type", rank=6),
        of("Price ₹", "price", texts.price, right=True, rank=4),
        of("Trigger ₹", "trigger_price", texts.price, right=True, rank=9),
        of("Product", "product", rank=7),
    ]


def orders(now: datetime) -> list[Column]:
    """Columns of `sigma orders`."""
    return [
        *_wish(now),
        Column("Status", _status),
        of("Avg ₹", "average_price", texts.price, right=True, rank=5),
        of("Strategy", "strategy", rank=8),
        of("Source", "source", rank=10),
        of("Broker id", "broker_order_id", rank=10),
        Column("Reason", _why, rank=3, fold=True),
    ]


def queue(now: datetime) -> list[Column]:
    """Columns of `sigma queue`."""
    return [
        *_wish(now),
        of("Strategy", "strategy", rank=5),
        of("Source", "source", rank=8),
        Column("Note", _why, rank=3, fold=True),
    ]


def fills(now: datetime) -> list[Column]:
    """Columns of `sigma fills`."""
    return [
        _time("Time", "filled_at", now, rank=1),
        of("Order", "order_id", right=True),
        of("Account", "account", rank=2),
        of("Listing", "listing"),
        of("Side", "side", texts.side),
        of("Qty", "quantity", texts.quantity, right=True),
        of("Price ₹", "price", texts.price, right=True),
        of("Product", "product", rank=3),
        of("Fill id", "fill_id", rank=4),
    ]


def accounts(now: datetime) -> list[Column]:
    """Columns of `sigma accounts`."""
    return [
        of("Name", "name"),
        of("Broker", "broker", rank=2),
        of("Client", "client_id", rank=3),
        of("Default", "is_default", texts.yes, rank=4),
        of("Login", "state", texts.session),
        _time("Until (IST)", "expires_at", now, rank=1),
        of("Mode", "trading_mode", texts.mode, rank=2),
        of("Enabled", "enabled", texts.yes, rank=5),
        of("Auth", "auth_mode", rank=6),
        of("Frozen", "frozen_reason", lambda value: Text(texts.word(value), "bold red"), rank=1, fold=True),
    ]


def holdings() -> list[Column]:
    """Columns of `sigma holdings`."""
    return [
        Column("Listing", _named),
        of("Qty", "quantity", texts.quantity, right=True),
        of("T1", "t1_quantity", texts.quantity, right=True, rank=4),
        of("Pledged", "pledged_quantity", texts.quantity, right=True, rank=5),
        of("Sellable", "sellable", texts.quantity, right=True, rank=4),
        of("Avg ₹", "average_price", texts.price, right=True, rank=2),
        of("Last ₹", "last_price", texts.price, right=True, rank=1),
        of("Value ₹", "value", texts.price, right=True, rank=3),
        of("P&L ₹", "pnl", texts.gain, right=True),
        of("P&L %", "pnl_percent", texts.percent, right=True, rank=1),
        of("ISIN", "isin", rank=6),
    ]


def positions() -> list[Column]:
    """Columns of `sigma positions`."""
    return [
        Column("Listing", _named),
        of("Product", "product", rank=1),
        of("Qty", "quantity", texts.quantity, right=True),
        of("Overnight", "overnight_quantity", texts.quantity, right=True, rank=5),
        of("Avg ₹", "average_price", texts.price, right=True, rank=2),
        of("Last ₹", "last_price", texts.price, right=True, rank=2),
        of("Realised ₹", "realised", texts.gain, right=True, rank=4),
        of("P&L ₹", "pnl", texts.gain, right=True),
        of("P&L %", "pnl_percent", texts.percent, right=True, rank=3),
    ]


def closes() -> list[Column]:
    """Columns of what became of closed positions."""
    return [
        of("Listing", "listing"),
        of("Product", "product", rank=2),
        of("Was", "quantity", texts.quantity, right=True),
        of("Left", "left", texts.quantity, right=True),
        of("Order", "order_id", right=True, rank=3),
        of("What came of it", "words"),
    ]


def funds() -> list[Column]:
    """Columns of `sigma funds`."""
    keys = {
        "available": "Available ₹",
        "used": "Used ₹",
        "total": "Total ₹",
        "collateral": "Collateral ₹",
        "cash": "Cash ₹",
        "m2m_unrealized": "M2M open ₹",
        "m2m_realized": "M2M realised ₹",
        "utilised_debits": "Debits ₹",
    }
    ranks = (0, 0, 0, 3, 4, 5, 6, 7)
    return [of(header, key, texts.price, right=True, rank=rank) for rank, (key, header) in zip(ranks, keys.items(), strict=True)]


def quotes(now: datetime) -> list[Column]:
    """Columns of `sigma quotes`."""
    money = {"open": "Open ₹", "high": "High ₹", "low": "Low ₹", "close": "Prev close ₹"}
    return [
        of("Listing", "listing"),
        of("Last ₹", "last_price", texts.price, right=True),
        *(of(header, key, texts.price, right=True, rank=2) for key, header in money.items()),
        of("Volume", "volume", texts.quantity, right=True, rank=3),
        _time("At (IST)", "at", now, rank=1),
    ]


def listings() -> list[Column]:
    """Columns of `sigma instruments find`."""
    return [
        of("Listing", "listing"),
        of("Name", "name", rank=1, fold=True),
        of("Kind", "kind", rank=2),
        of("Lot", "lot_size", texts.quantity, right=True, rank=2),
        of("Tick ₹", "tick_size", texts.price, right=True, rank=3),
        of("Expiry", "expiry", rank=3),
        of("Strike ₹", "strike", texts.price, right=True, rank=4),
        of("ISIN", "isin", rank=5),
    ]


def limits(names: Mapping[int, str]) -> list[Column]:
    """Columns of `sigma risk show`; `names` are account names by id."""
    return [
        of("Scope", "scope"),
        of("Strategy", "strategy", rank=2),
        of("Account", "account_id", lambda value: texts.plain(names.get(value) if isinstance(value, int) else None), rank=3),
        of("Limit", "limit"),
        of("Value", "value", fold=True),
        of("Beyond it", "mode", _beyond),
    ]


def effective() -> list[Column]:
    """Columns of `sigma risk effective`."""
    return [
        of("Limit", "limit"),
        of("Value", "value", fold=True),
        of("Comes from", "scopes", rank=1),
        of("Beyond it", "mode", _beyond),
    ]


def _beyond(mode: object) -> Text:
    """What a limit does with an order beyond it."""
    return Text({"CLAMP": "lowers the order", "REJECT": "refuses the order"}.get(str(mode or ""), ""))


def rules() -> list[Column]:
    """Columns of `sigma replay-decision`: what each rule said then, and what it says of the same facts now."""
    return [
        of("Rule", "rule"),
        of("Then", "then", fold=True),
        of("Again", "again", fold=True),
        of("Numbers", "numbers", rank=1, fold=True),
    ]


def settings() -> list[Column]:
    """Columns of `sigma settings`."""
    return [
        of("Setting", "name"),
        Column(
            "Value", lambda row: Text(f"{row['value']} {row.get('unit') or ''}".strip(), "bold" if row.get("changed") else "")
        ),
        of("Default", "default", rank=2),
        of("Help", "help", rank=1, fold=True),
    ]


def _setting(row: Row) -> Text:
    """A value with its unit; what was changed stands out."""
    return Text(f"{row['value']} {row['unit'] or ''}".strip(), "bold" if row["changed"] else "")


def events(now: datetime) -> list[Column]:
    """Columns of `sigma events`."""
    return [
        _time("Time", "at", now),
        of("Level", "level", texts.level, rank=2),
        of("Kind", "kind", rank=1),
        of("Account", "account", rank=3),
        of("What happened", "text", fold=True),
    ]


def signals(now: datetime) -> list[Column]:
    """Columns of `sigma signals`."""
    return [
        of("ID", "id", right=True),
        _time("Time", "received_at", now),
        of("Status", "status"),
        of("Listing", "listing"),
        of("Side", "side", texts.side),
        of("Qty", "quantity", texts.quantity, right=True),
        of("Strategy", "strategy", rank=2),
        of("Platform", "platform", rank=3),
        of("Accounts", "shares", rank=1, fold=True),
        of("Note", "note", rank=1, fold=True),
    ]


def _named(row: Row) -> Text:
    """The listing, or the broker's symbol when the instrument table does not know it."""
    known = texts.word(row.get("listing"))
    return Text(known) if known else Text(f"{texts.word(row.get('symbol'))} (unknown)", "yellow")


def sums(found: Sequence[Row], key: str | None, word: str) -> Text:
    """Return one line with the total of a list: what it is worth (`key`), and what was gained."""
    gained = sum((texts.number(row.get("pnl")) or Decimal(0) for row in found), Decimal(0))
    line = Text("  total ", "dim")
    if key is not None:
        line.append(f"{texts.rupees(sum((texts.number(row.get(key)) or Decimal(0) for row in found), Decimal(0)))} ")
    return Text.assemble(line, (word, "dim"), "  P&L ", texts.gain(gained))
