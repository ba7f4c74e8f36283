"""SmartAPI's margin and charge previews: margin/v1/batch and brokerage/v1/estimateCharges.

wire.md B2 has the requests and `totalMarginRequired`; the rest of the answers is the vendor's published example
(smartapi.angelone.in/docs, Margin Calculator and Brokerage Calculator). The codes of refusals are made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sigma.domain.money import ZERO, to_float
from sigma.domain.orders import Side
from sigma.simulator.checks import check_product
from sigma.simulator.estimates import Needed, Paid, Wish, alone, charges, together
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import SimAccount
from sigma.simulator.smartapi_master import Directory
from sigma.simulator.smartapi_orders import read_meaning, read_rupees, read_whole, read_word
from sigma.simulator.smartapi_wire import ORDER_TYPES, PRODUCT_WORDS, PRODUCTS, SmartError

MAX_POSITIONS = 50
Body = Mapping[str, object]


def margin_batch(exchange: Exchange, directory: Directory, account: SimAccount, body: Body) -> dict[str, object]:
    """Return what a basket of positions needs, beside those that the account has.

    Raises
    ------
    SmartError
        AB1009 symbol, AB1012 product, AB1007 anything else.
    """
    rows = _rows(body, "positions", MAX_POSITIONS)
    wishes = []
    for row in rows:
        read_meaning(ORDER_TYPES, row, "orderType", "AB1007", "AMX Error: Invalid Order Type")
        wishes.append(_wish(exchange, directory, row, ("qty", "productType", "tradeType")))
    singly = sum((alone(wish, exchange.last_price) for wish in wishes), Needed())
    final = together(wishes, exchange.positions(account), exchange.last_price)
    bought = [wish for wish in wishes if wish.security.strike is not None and wish.side is Side.BUY]
    return {
        "totalMarginRequired": _amount(final.total),
        "marginComponents": {
            "netPremium": _amount(final.premium),
            "spanMargin": _amount(final.span + final.exposure),
            "marginBenefit": _amount(singly.total - final.total),
            "deliveryMargin": _amount(final.cash),
            "nonNFOMargin": 0,
            "totOptionsPremium": _amount(final.premium),
        },
        "marginBreakup": [_part(wish, alone(wish, exchange.last_price)) for wish in wishes],
        "optionsBuy": {"totOptionsPremium": _amount(final.premium), "optionDetails": [_option(wish) for wish in bought]}
        if bought
        else [],
    }


def estimate_charges(exchange: Exchange, directory: Directory, body: Body) -> dict[str, object]:
    """Return what executions of orders would cost, together and one by one.

    Raises
    ------
    SmartError
        As `margin_batch`.
    """
    rows = _rows(body, "orders", MAX_POSITIONS)
    wishes = [_wish(exchange, directory, row, ("quantity", "product_type", "transaction_type")) for row in rows]
    paid = [charges(wish) for wish in wishes]
    value = sum((wish.turnover for wish in wishes), ZERO)
    return {
        "summary": _note(sum(paid[1:], paid[0]), value),
        "charges": [_note(one, wish.turnover) for one, wish in zip(paid, wishes, strict=True)],
    }


def _rows(body: Body, name: str, most: int) -> Sequence[Body]:
    rows = body.get(name)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise SmartError("AB1007", f"AMX Error: {name} must be a list of objects")
    if len(rows) > most:
        raise SmartError("AB1007", f"AMX Error: at most {most} {name} are allowed in one request")
    return rows


def _wish(exchange: Exchange, directory: Directory, row: Body, names: tuple[str, str, str]) -> Wish:
    quantity, product, side = names
    security = directory.find(str(row.get("exchange", "")), str(row.get("token", "")))
    if security is None:
        raise SmartError("AB1009", "Symbol Not Found")
    wanted = read_meaning(PRODUCTS, row, product, "AB1012", "Invalid Product Type")
    check_product(wanted, security)
    price = read_rupees(row, "price") or exchange.last_price(security)
    return Wish(security, read_word(Side, row, side), read_whole(row, quantity), wanted, price)


def _part(wish: Wish, needed: Needed) -> dict[str, object]:
    where = {"exchange": wish.security.exchange.value, "productType": PRODUCT_WORDS[wish.product]}
    return where | {"totalMarginRequired": _amount(needed.total)}


def _option(wish: Wish) -> dict[str, object]:
    where = {"exchange": wish.security.exchange.value, "productType": PRODUCT_WORDS[wish.product]}
    lot = {"token": wish.security.exchange_token, "lotMultiplier": wish.security.lot}
    return where | lot | {"optionPremium": _amount(wish.turnover)}


def _note(paid: Paid, value: Decimal) -> dict[str, object]:
    outside = (("Exchange Transaction Charges", paid.exchange), ("Stamp Duty", paid.stamp), ("SEBI Fees", paid.sebi))
    taxes = (("Security Transaction Tax", paid.tax), ("GST", paid.gst))
    breakup = [_line("Angel One Brokerage", paid.brokerage), _group("External Charges", outside), _group("Taxes", taxes)]
    return {"total_charges": _amount(paid.total), "trade_value": _amount(value), "breakup": breakup}


def _group(name: str, parts: Sequence[tuple[str, Decimal]]) -> dict[str, object]:
    total = sum((amount for _, amount in parts), ZERO)
    return _line(name, total) | {"breakup": [_line(each, amount) for each, amount in parts]}


def _line(name: str, amount: Decimal) -> dict[str, object]:
    return {"name": name, "amount": _amount(amount), "msg": "", "breakup": []}


def _amount(value: Decimal) -> float:
    return to_float(round(value, 4))
