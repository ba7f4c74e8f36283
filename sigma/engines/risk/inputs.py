"""A decision's inputs as JSON-able values, and back: any stored decision can be taken again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime, time
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

from sigma.domain.accounts import TradingMode
from sigma.domain.ledger import DayResult
from sigma.domain.orders import OrderRequest, OrderType, Product, Side, Validity, Variety
from sigma.domain.risk import KillState, RiskLimits, RiskSnapshot, Scope, ScopeFacts

_ALWAYS = frozenset({"scope", "trading_mode", "order_type", "product"})
"""Stored whatever they are, for people who look."""


class _Shape:
    """How the fields of one kind of value are read: all at once, each with what it is when it is left out."""

    def __init__(self, kind: type[Any]) -> None:
        self.names = tuple(one.name for one in fields(kind))
        self.values = attrgetter(*self.names)
        self.defaults = tuple(MISSING if one.name in _ALWAYS else one.default for one in fields(kind))


_SHAPES = {kind: _Shape(kind) for kind in (OrderRequest, RiskSnapshot, RiskLimits, KillState, ScopeFacts, DayResult)}


class Inputs(Mapping[str, object]):
    """The inputs of a decision as JSON-able values, put into words when somebody looks: most decisions are only glanced at."""

    def __init__(self, order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> None:
        self._seen = order, book, tuple(limits)

    @cached_property
    def _told(self) -> dict[str, object]:
        order, book, limits = self._seen
        return {"order": _plain(order), "book": _plain(book), "limits": [_plain(limit) for limit in limits]}

    def __getitem__(self, name: str) -> object:
        return self._told[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def __repr__(self) -> str:
        return f"Inputs({self._told!r})"


def from_inputs(inputs: Mapping[str, Any]) -> tuple[OrderRequest, RiskSnapshot, tuple[RiskLimits, ...]]:
    """Return order, snapshot and limits that a decision stored.

    Raises
    ------
    KeyError, TypeError, ValueError
        They are not what a decision stores.
    """
    book = _read(RiskSnapshot, inputs["book"])
    limits = tuple(_read(RiskLimits, limit) for limit in inputs["limits"])
    return _read(OrderRequest, inputs["order"]), book, limits


def _plain(value: Any) -> dict[str, object]:
    """Return a value's fields that differ from their defaults."""
    shape = _SHAPES[type(value)]
    return {
        name: _WORDS[type(held)](held)
        for name, held, default in zip(shape.names, shape.values(value), shape.defaults, strict=True)
        if held is not default and (default is None or default is MISSING or held != default)
    }


def _as_it_is(value: Any) -> object:
    return value


def _each(value: tuple[Any, ...]) -> list[object]:
    return [_WORDS[type(one)](one) for one in value]


_WORDS: dict[type, Callable[[Any], object]] = {
    **dict.fromkeys((str, int, bool, type(None), Side, OrderType, Product, Validity, Variety, Scope, TradingMode), _as_it_is),
    **dict.fromkeys(_SHAPES, _plain),
    Decimal: str,
    datetime: datetime.isoformat,
    time: time.isoformat,
    frozenset: sorted,
    tuple: _each,
}
"""How JSON keeps a field; a type that is not here is an error of ours."""


_READERS: dict[str, Any] = {
    "side": Side,
    "order_type": OrderType,
    "product": Product,
    "validity": Validity,
    "variety": Variety,
    "scope": Scope,
    "trading_mode": TradingMode,
    "kills": lambda rows: tuple(_read(KillState, row) for row in rows),
    "scopes": lambda rows: tuple(_read(ScopeFacts, row) for row in rows),
    "day": lambda raw: _read(DayResult, raw),
    "missing": tuple,
    "allow": frozenset,
    "deny": frozenset,
    "clamp": frozenset,
    "products": lambda words: frozenset(Product(word) for word in words),
    "order_types": lambda words: frozenset(OrderType(word) for word in words),
    "entries_until": time.fromisoformat,
    "square_off_at": time.fromisoformat,
    **dict.fromkeys(("price_at", "at", "last_loss"), datetime.fromisoformat),
    **dict.fromkeys(
        (
            "price",
            "trigger_price",
            "market_protection",
            "last_price",
            "exposure",
            "realised",
            "open",
            "charges",
            "low_by",
            "max_order_value",
            "max_daily_loss",
            "max_exposure",
            "drawdown_caution",
            "drawdown_stop",
        ),
        Decimal,
    ),
}
"""How a field's words are read; the others are what JSON has."""


def _read(kind: type[Any], raw: Mapping[str, Any]) -> Any:
    known = _SHAPES[kind].names
    return kind(
        **{
            name: value if value is None else _READERS[name](value) if name in _READERS else value
            for name, value in raw.items()
            if name in known
        }
    )
