"""A message's values under our names, read once and strictly: unknown, contradictory and unreadable ones are refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.engines.signal_text import shown

Word = TypeVar("Word", bound=StrEnum)

# Every key that a message may carry besides `secret`, `meta` and the folder of details: our name for it.
FIELDS: dict[str, str] = {
    "platform": "platform",
    "strategy_name": "strategy",
    "strategy": "strategy",
    "symbol": "symbol",
    "ticker": "ticker",
    "exchange": "exchange",
    "interval": "interval",
    "bar_time": "bar_time",
    "timestamp": "bar_time",
    "client_order_id": "client_order_id",
    "order_action": "order_action",
    "quantity": "quantity",
    "order_contracts": "quantity",
    "price": "price",
    "order_price": "price",
    "trigger_price": "trigger_price",
    "order_type": "order_type",
    "product": "product",
    "trade_type": "trade_type",
    "order_id": "order_id",
    "comment": "comment",
    "order_comment": "comment",
    "order_alert_message": "alert_message",
}
FOLDER = "trade_details"
ENVELOPE = {"secret", "meta", FOLDER}
# The keys of the folder `signal` in the form of meta, signal and hints. What the sender counts of its own position is kept in
# the raw message only: a quantity comes from `qty`, `amount`, or from what is held.
SIGNAL_FIELDS: dict[str, str] = {
    "strategy_id": "strategy_id",
    "strategy_name": "strategy",
    "symbol": "symbol",
    "exchange": "exchange",
    "side": "side",
    "order_action": "order_action",
    "order_id": "order_id",
    "order_tag": "order_tag",
    "position_size": "position_size",
    "position_size_prev": "position_size_prev",
    "qty": "quantity",
    "quantity": "quantity",
    "amount": "amount",
    "product": "product",
    "order_type": "order_type",
    "price": "price",
    "trigger_price": "trigger_price",
    "ref_price": "ref_price",
    "timeframe": "interval",
    "interval": "interval",
    "timestamp": "bar_time",
    "bar_time": "bar_time",
    "client_order_id": "client_order_id",
    "comment": "comment",
}
SIGNAL_ENVELOPE = {"secret", "meta", "signal", "hints"}
HINTS_READ = {"order_type": "hinted_type", "limit_price": "hinted_price"}
MOST_HINTS = 40
META_FIELDS = {"secret", "platform", "version"}
# What people write for a key of ours, where the spelling is too far off to be found by likeness.
MEANT = {
    "side": "order_action",
    "action": "order_action",
    "qty": "quantity",
    "contracts": "order_contracts",
    "limit_price": "price",
    "stop_price": "trigger_price",
    "timeframe": "interval",
    "time": "bar_time",
    "scrip": "symbol",
    "passphrase": "secret",
    "password": "secret",
    "alert_message": "order_alert_message",
}
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LAID_OUT = str.maketrans("\r\n\t", "   ")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
MAX_PRICE = Decimal(100_000_000)
MOST_DIGITS = 12
MOST_LETTERS = {
    "symbol": 64,
    "ticker": 64,
    "exchange": 16,
    "interval": 16,
    "platform": 40,
    "comment": 2000,
    "alert_message": 2000,
}


def has_folders(payload: Mapping[str, Any]) -> bool:
    """Say whether a message has the form of meta, signal and hints."""
    return "signal" in payload or "hints" in payload


class Fields:
    """A message's values by our names, read once and strictly.

    Attributes
    ----------
    hints : mapping of str to str
        What stands in the folder `hints`, as text; what is empty or null there is left out.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._values: dict[str, tuple[str, Any]] = {}
        self._names = FIELDS
        self.hints: dict[str, str] = {}
        if has_folders(payload):
            self._names = SIGNAL_FIELDS
            self._folders(payload)
        else:
            self._flat(payload)

    def _folders(self, payload: Mapping[str, Any]) -> None:
        """Read the form of meta, signal and hints."""
        for key in payload:
            if key not in SIGNAL_ENVELOPE:
                raise _unknown_key(str(key), str(key), SIGNAL_ENVELOPE)
        self._meta(payload.get("meta", {}))
        for key, value in _folder("signal", payload.get("signal", {})).items():
            self._take(f"signal.{key}", _snake(key), value)
        hints = _folder("hints", payload.get("hints") or {})
        if len(hints) > MOST_HINTS:
            raise InvalidInput(f"hints has {len(hints)} keys.", hint=f"It may have {MOST_HINTS}.")
        for key, value in hints.items():
            if isinstance(value, Mapping | list | tuple):
                raise InvalidInput(f"hints.{key} must be a text or a number, was {shown(value)}.", hint="Write one value.")
            text = str(value).lower() if isinstance(value, bool) else str(value).strip()
            if value is not None and text:
                self.hints[str(key)] = text
                if key in HINTS_READ:
                    self._put(f"hints.{key}", HINTS_READ[key], value)

    def _flat(self, payload: Mapping[str, Any]) -> None:
        """Read the flat and the nested form."""
        details: Any = None
        for key, value in payload.items():
            name = _snake(key)
            if name == FOLDER:
                details = value
            elif name == "meta":
                self._meta(value)
            elif name != "secret":
                self._take(key, name, value)
        if details is not None:
            for key, value in _folder(FOLDER, details).items():
                self._take(f"{FOLDER}.{key}", _snake(key), value)

    def _meta(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise InvalidInput(f"meta must be an object, was {shown(value)}.", hint='It holds the secret: {"secret": "…"}.')
        for key, inner in value.items():
            if key not in META_FIELDS:
                raise _unknown_key(f"meta.{key}", key, META_FIELDS)
            if key == "platform":
                self._put("meta.platform", key, inner)

    def _take(self, written: str, name: str, value: Any) -> None:
        if name not in self._names:
            raise _unknown_key(written, name, FIELDS.keys() | ENVELOPE if self._names is FIELDS else self._names.keys())
        self._put(written, self._names[name], value)

    def _put(self, written: str, ours: str, value: Any) -> None:
        if isinstance(value, Mapping | list | tuple | bool):
            raise InvalidInput(
                f"{written} must be a text or a number, was {shown(value)}.", hint="Correct it in the alert's message."
            )
        if value is None or str(value).strip() == "":
            return
        known = self._values.get(ours)
        if known is not None and str(known[1]).strip() != str(value).strip():
            raise InvalidInput(f"{known[0]} is {shown(known[1])} but {written} is {shown(value)}.", hint="Send one of them.")
        self._values[ours] = (written, value)

    def has(self, name: str) -> bool:
        """Say whether the message gives it."""
        return name in self._values

    def written(self, name: str) -> str:
        """Return the key under which the message gives it."""
        return self._values[name][0] if name in self._values else name

    def text(self, name: str) -> str:
        """Return a text, empty when there is none."""
        if name not in self._values:
            return ""
        text = str(self._values[name][1]).strip()
        most = MOST_LETTERS.get(name, 120)
        if len(text) > most:
            raise InvalidInput(f"{self.written(name)} has {len(text)} letters.", hint=f"It may have {most}.")
        if not (text.translate(LAID_OUT) if most > 120 else text).isprintable():
            raise InvalidInput(f"{self.written(name)} {shown(text)} holds characters that cannot be shown.", hint="Remove them.")
        return text

    def word(self, name: str, known: Mapping[str, Word], *, likely: Collection[str] = ()) -> Word | None:
        """Return one word of a fixed list; `likely` are those that a misspelled word may have meant, all when empty."""
        text = self.text(name).upper()
        if text and text not in known:
            near = get_close_matches(text, likely or known, 1)
            hint = (f"Did you mean {near[0]}? " if near else "") + f"Known: {', '.join(known)}."
            raise InvalidInput(f"{self.written(name)} {shown(self.text(name))} is not known.", hint=hint)
        return known[text] if text else None

    def number(self, name: str) -> Decimal | None:
        """Return a finite number, exactly as written."""
        if name not in self._values:
            return None
        value = self._values[name][1]
        text = (repr(value) if isinstance(value, float) else str(value)).strip()
        if not NUMBER.fullmatch(text) or len(text) > 60:
            hint = "Write digits with a point for fractions and no thousands separators: 1500.50."
            if text.lower() == "nan":
                hint = "TradingView sends NaN where a plot has no value on that bar."
            raise InvalidInput(f"{self.written(name)} {shown(value)} is not a number.", hint=hint)
        return Decimal(text)

    def price(self, name: str) -> Decimal | None:
        """Return a price in rupees."""
        price = self.number(name)
        if price is not None and not 0 < price < MAX_PRICE:
            said = shown(str(self._values[name][1]))
            hint = "Leave it out where there is none."
            raise InvalidOrder(f"{self.written(name)} must lie between 0 and 10 crore rupees, was {said}.", hint=hint)
        return price

    def quantity(self) -> int | None:
        """Return the number of units."""
        number = self.number("quantity")
        if number is None:
            return None
        said = shown(str(self._values["quantity"][1]))
        name = self.written("quantity")
        if number <= 0 or number.adjusted() > MOST_DIGITS:
            raise InvalidOrder(f"{name} must lie above 0 and be sensible, was {said}.", hint="order_action says the direction.")
        if number != number.to_integral_value():
            raise InvalidOrder(f"{name} must be a whole number of units, was {said}.", hint="Fractions cannot be ordered.")
        return int(number)


def _folder(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} must be an object, was {shown(value)}.", hint="Write it in braces: { … }.")
    return value


def _snake(key: object) -> str:
    return HUMP.sub("_", str(key)).lower()


def _unknown_key(written: str, name: str, known: Collection[str]) -> InvalidInput:
    near = [MEANT[name]] if MEANT.get(name) in known else get_close_matches(name, sorted(known), 1)
    hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(sorted(known))}."
    return InvalidInput(f"The key {shown(written)} is not known.", hint=hint, code="UNKNOWN_KEY")
