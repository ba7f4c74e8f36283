"""Kite's GTT and the conversion of positions on the wire (wire.md B1): forms with JSON in them, rows as documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NoReturn

from sigma.domain.money import decimal_from
from sigma.domain.orders import Product, Side
from sigma.simulator.conversion import convert
from sigma.simulator.doors import Context
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Response, whole_number
from sigma.simulator.kite_orders import bad_input
from sigma.simulator.kite_wire import KiteError, number, stamp, success
from sigma.simulator.model import Refusal, SimAccount
from sigma.simulator.triggers import Fired, SimLeg, SimTrigger, TriggerWish

Routed = Callable[[Context, SimAccount], Response]
_LEGS = {"single": 1, "two-leg": 2}
_POSITION_TYPES = frozenset({"day", "overnight"})


class TriggerRoutes:
    """Answers /gtt/triggers, and PUT /portfolio/positions.

    Parameters
    ----------
    exchange : Exchange
        What holds the triggers.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def find(self, method: str, rest: list[str]) -> tuple[str, Routed] | None:
        """Return endpoint and handler of what stands below /gtt/triggers; None when nothing is there."""
        match method, rest:
            case "POST", []:
                return "gtt", self.place
            case "GET", []:
                return "gtts", self.all
            case "GET", [trigger_id]:
                return "gtts", lambda context, account: self.one(context, account, trigger_id)
            case "PUT", [trigger_id]:
                return "gtt", lambda context, account: self.modify(context, account, trigger_id)
            case "DELETE", [trigger_id]:
                return "gtt", lambda context, account: self.delete(context, account, trigger_id)
            case _:
                return None

    def place(self, context: Context, account: SimAccount) -> Response:
        """Answer a new trigger."""
        wish = _wish(context.request.form())
        try:
            made = self._exchange.triggers.place(account, wish, context.twist)
        except Refusal as refusal:
            _refuse(refusal)
        return self._done(context, made)

    def modify(self, context: Context, account: SimAccount, trigger_id: str) -> Response:
        """Answer the change of a trigger."""
        wish = _wish(context.request.form())
        try:
            changed = self._exchange.triggers.modify(account, _number(trigger_id), wish)
        except Refusal as refusal:
            _refuse(refusal)
        return self._done(context, changed)

    def delete(self, context: Context, account: SimAccount, trigger_id: str) -> Response:
        """Answer the removal of a trigger."""
        try:
            gone = self._exchange.triggers.delete(account, _number(trigger_id))
        except Refusal as refusal:
            _refuse(refusal)
        return self._done(context, gone)

    def _done(self, context: Context, one: SimTrigger) -> Response:
        context.order_id, context.committed = str(one.id), True
        return success({"trigger_id": one.id})

    def all(self, context: Context, account: SimAccount) -> Response:
        """Answer the list of triggers."""
        listed = [] if context.twist.empty else self._exchange.triggers.of(account)
        if context.twist.drop_rows:
            listed = listed[: max(0, len(listed) - context.twist.drop_rows)]
        return success([_row(one) for one in listed])

    def one(self, context: Context, account: SimAccount, trigger_id: str) -> Response:
        """Answer one trigger."""
        wanted = _number(trigger_id)
        for each in self._exchange.triggers.of(account):
            if each.id == wanted:
                return success(_row(each))
        raise _UNKNOWN

    def convert(self, context: Context, account: SimAccount) -> Response:
        """Answer the conversion of a position."""
        form = context.request.form()
        quantity, kind = form.get("quantity", ""), form.get("position_type", "")
        if kind not in _POSITION_TYPES or not whole_number(quantity):
            raise bad_input("Invalid `position_type` or `quantity`.")
        listing = f"{form.get('exchange', '')}:{form.get('tradingsymbol', '')}"
        try:
            side, old, new = Side(form["transaction_type"]), Product(form["old_product"]), Product(form["new_product"])
        except (KeyError, ValueError):
            raise bad_input("Invalid `transaction_type`, `old_product` or `new_product`.") from None
        try:
            convert(self._exchange, account, listing, side, int(quantity), old, new, overnight=kind == "overnight")
        except Refusal as refusal:
            if refusal.code == "funds":
                raise KiteError(400, "MarginException", refusal.message) from None
            raise bad_input(f"Position cannot be converted: {refusal.message}.") from None
        context.committed = True
        return success(True)


_UNKNOWN = KiteError(404, "GeneralException", "Trigger not found.")


def _refuse(refusal: Refusal) -> NoReturn:
    """Raise Kite's words for what the exchange refuses."""
    if refusal.code == "unknown_trigger":
        raise _UNKNOWN from None
    if refusal.code == "unknown_listing":
        raise bad_input("The instrument you are placing an order for has either expired or does not exist.") from None
    raise bad_input(f"Invalid trigger: {refusal.message}.") from None


def _number(text: str) -> int:
    if not whole_number(text):
        raise _UNKNOWN
    return int(text)


def _wish(form: Mapping[str, str]) -> TriggerWish:
    wanted = _LEGS.get(form.get("type", ""))
    if wanted is None:
        raise bad_input("Invalid `type`.")
    condition, orders = _json(form, "condition"), _json(form, "orders")
    if not isinstance(condition, dict) or not isinstance(orders, list) or not all(isinstance(one, dict) for one in orders):
        raise bad_input("Invalid `condition` or `orders`.")
    values = condition.get("trigger_values")
    if not isinstance(values, list) or not len(values) == len(orders) == wanted:
        raise bad_input("Invalid `trigger_values` or `orders` for the type.")
    if any(one.get("order_type") != "LIMIT" for one in orders):
        raise bad_input("Invalid `order_type`: a trigger places LIMIT orders.")
    try:
        legs = tuple(
            SimLeg(_price(value), _price(one["price"]), int(one["quantity"])) for value, one in zip(values, orders, strict=True)
        )
        (side,), (product,) = {Side(one["transaction_type"]) for one in orders}, {Product(one["product"]) for one in orders}
        return TriggerWish(
            f"{condition['exchange']}:{condition['tradingsymbol']}", side, product, legs, _price(condition["last_price"])
        )
    except (KeyError, ValueError, TypeError):
        raise bad_input("Invalid `condition` or `orders`.") from None


def _json(form: Mapping[str, str], name: str) -> object:
    try:
        return json.loads(form.get(name, ""), parse_float=Decimal)
    except ValueError:
        raise bad_input(f"Invalid `{name}`.") from None


def _price(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError(f"{value!r} is no price")
    price = decimal_from(value)
    if not 0 < price < Decimal(10) ** 9:
        raise ValueError(f"{price} is no price")
    return price


def _row(one: SimTrigger) -> dict[str, object]:
    wish, security = one.wish, one.security
    fired = [one.fired if one.fired is not None and one.fired.leg == place else None for place in range(len(wish.legs))]
    return {
        "id": one.id,
        "user_id": one.account.client_id,
        "parent_trigger": None,
        "type": next(word for word, legs in _LEGS.items() if legs == len(wish.legs)),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "expires_at": stamp(one.expires_at),
        "status": one.state.value,
        "condition": {
            "exchange": security.exchange.value,
            "last_price": number(wish.last_price),
            "tradingsymbol": security.symbol,
            "trigger_values": [number(leg.trigger_price) for leg in wish.legs],
        },
        "orders": [_order(wish, leg, security.symbol, result) for leg, result in zip(wish.legs, fired, strict=True)],
        "meta": {},
    }


def _order(wish: TriggerWish, leg: SimLeg, symbol: str, fired: Fired | None) -> dict[str, object]:
    exchange, _, _ = wish.listing.partition(":")
    order = {
        "exchange": exchange,
        "tradingsymbol": symbol,
        "product": wish.product.value,
        "order_type": "LIMIT",
        "transaction_type": wish.side.value,
        "quantity": leg.quantity,
        "price": number(leg.price),
    }
    return order | {"result": None if fired is None else order | _result(fired)}


def _result(fired: Fired) -> dict[str, object]:
    return {
        "validity": "DAY",
        "meta": "{}",
        "timestamp": stamp(fired.at),
        "triggered_at": number(fired.price),
        "order_result": {
            "status": "success" if fired.order_id else "failed",
            "order_id": fired.order_id,
            "rejection_reason": fired.rejection,
        },
    }
