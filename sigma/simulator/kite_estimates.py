"""Kite's margin and charge previews: /margins/orders, /margins/basket, /charges/orders (wire.md B1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from sigma.domain.money import ZERO
from sigma.domain.orders import Product
from sigma.simulator.checks import check_product
from sigma.simulator.estimates import Needed, Paid, Wish, alone, charges, together
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request
from sigma.simulator.kite_orders import bad_input, place_request, refused
from sigma.simulator.kite_wire import number, rounded
from sigma.simulator.model import PlaceRequest, Refusal, SimAccount

_MOST = 200
_COMPACT = "compact"
_MIS_LEVERAGE = 5


def order_margins(exchange: Exchange, account: SimAccount, request: Request) -> list[dict[str, object]]:
    """Return what each order needs by itself, beside the positions there are; raises KiteError."""
    compact = request.argument("mode") == _COMPACT
    rows = []
    for wish, _ in _wishes(exchange, request):
        needed = together([wish], exchange.positions(account), exchange.last_price)
        rows.append(_row(wish, needed, compact=compact))
    return rows


def basket_margins(exchange: Exchange, account: SimAccount, request: Request) -> dict[str, object]:
    """Return what orders need one by one (`initial`) and together (`final`); raises KiteError."""
    wishes = [wish for wish, _ in _wishes(exchange, request)]
    compact = request.argument("mode") == _COMPACT
    held = exchange.positions(account) if request.argument("consider_positions").lower() == "true" else []
    singly = [alone(wish, exchange.last_price) for wish in wishes]
    final = together(wishes, held, exchange.last_price)
    paid = sum((charges(wish) for wish in wishes[1:]), charges(wishes[0]))
    answer: dict[str, object] = {
        "initial": _sums(sum(singly, Needed())),
        "final": _sums(final),
        "orders": [_row(wish, needed, compact=compact) for wish, needed in zip(wishes, singly, strict=True)],
    }
    return answer if compact else answer | {"charges": _charges(paid, "")}


def contract_note(exchange: Exchange, request: Request) -> list[dict[str, object]]:
    """Return what executions at the average prices given would cost; raises KiteError."""
    return [
        {
            "transaction_type": wish.side.value,
            "tradingsymbol": wish.security.symbol,
            "exchange": wish.security.exchange.value,
            "variety": row.get("variety"),
            "product": wish.product.value,
            "order_type": row.get("order_type"),
            "quantity": wish.quantity,
            "price": number(wish.price),
            "charges": _charges(charges(wish), "stt"),
        }
        for wish, row in _wishes(exchange, request, price="average_price")
    ]


def _wishes(exchange: Exchange, request: Request, price: str = "") -> list[tuple[Wish, Mapping[str, object]]]:
    try:
        rows = json.loads(request.body)
    except (ValueError, RecursionError):
        raise bad_input("Invalid JSON.") from None
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST or not all(isinstance(row, dict) for row in rows):
        raise bad_input("Expected a list of orders.")
    return [(_wish(exchange, row, price), row) for row in rows]


def _wish(exchange: Exchange, row: Mapping[str, object], price: str) -> Wish:
    form = {name: str(value) for name, value in row.items() if value is not None}
    if price and not form.get("order_id"):
        raise bad_input("Missing or empty field `order_id`")
    wanted = place_request(form.get("variety", ""), {"market_protection": "-1"} | form)
    security = exchange.security(wanted.listing)
    try:
        if security is None:
            raise Refusal("unknown_listing", f"{wanted.listing} is not in the table of securities")
        check_product(wanted.product, security)
    except Refusal as refusal:
        raise refused(refusal, exchange.universe, wanted) from None
    value = _average(form, price) if price else _price(wanted)
    return Wish(security, wanted.side, wanted.quantity, wanted.product, value or exchange.last_price(security))


def _price(wanted: PlaceRequest) -> Decimal:
    return wanted.price or wanted.trigger_price


def _average(form: Mapping[str, str], name: str) -> Decimal:
    plain = {"order_type": "LIMIT", "price": form.get(name, "")}
    average = place_request("regular", dict(form) | plain).price
    if average <= ZERO:
        raise bad_input(f"Invalid `{name}`.")
    return average


def _row(wish: Wish, needed: Needed, *, compact: bool) -> dict[str, object]:
    security = wish.security
    row: dict[str, object] = {
        "type": "equity",
        "tradingsymbol": security.symbol,
        "exchange": security.exchange.value,
        **_parts(needed),
        "leverage": _MIS_LEVERAGE if wish.product is Product.MIS and not security.derivative else 1,
        "charges": _charges(charges(wish), "stt"),
        "total": rounded(needed.total),
    }
    return {"type": "equity", "total": row["total"]} if compact else row


def _sums(needed: Needed) -> dict[str, object]:
    """Return the row of a whole basket, which names no listing."""
    nothing = Paid(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    return {
        "type": "",
        "tradingsymbol": "",
        "exchange": "",
        **_parts(needed),
        "leverage": 0,
        "charges": _charges(nothing, ""),
        "total": rounded(needed.total),
    }


def _parts(needed: Needed) -> dict[str, object]:
    return {
        "span": rounded(needed.span),
        "exposure": rounded(needed.exposure),
        "option_premium": rounded(needed.premium),
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": rounded(needed.cash),
        "pnl": {"realised": 0, "unrealised": 0},
    }


def _charges(paid: Paid, tax_type: str) -> dict[str, object]:
    gst = rounded(paid.gst, 9)
    return {
        "transaction_tax": rounded(paid.tax, 9),
        "transaction_tax_type": tax_type,
        "exchange_turnover_charge": rounded(paid.exchange, 9),
        "sebi_turnover_charge": rounded(paid.sebi, 9),
        "brokerage": rounded(paid.brokerage, 9),
        "stamp_duty": rounded(paid.stamp, 9),
        "gst": {"igst": gst, "cgst": 0, "sgst": 0, "total": gst},
        "total": rounded(paid.total, 9),
    }
