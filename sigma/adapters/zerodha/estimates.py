"""Kite's previews of margin and charges, in our words (wire.md B1 margins and charges; kite.trade/docs/connect/v3/margins)."""

from __future__ import annotations

from decimal import Decimal

from sigma.adapters.estimates import above_zero, json_number, with_rest
from sigma.adapters.rows import Row, RowError
from sigma.adapters.zerodha.mapping import ORDER_TYPE, PRODUCT, SIDE, VARIETY
from sigma.domain.charges import Charges, Margin
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.orders import OrderRequest

_NOTED = "orders"


def margin_params(request: OrderRequest, instrument: BrokerInstrument) -> dict[str, object]:
    """Return one order of the list that ``/margins/orders`` and ``/margins/basket`` take; 0 stands for no price."""
    return {
        "exchange": instrument.exchange_code,
        "tradingsymbol": instrument.symbol,
        "transaction_type": SIDE.encode(request.side),
        "variety": VARIETY[request.variety],
        "product": PRODUCT.encode(request.product),
        "order_type": ORDER_TYPE.encode(request.order_type),
        "quantity": request.quantity,
        "price": json_number(request.price),
        "trigger_price": json_number(request.trigger_price),
    }


def charge_params(number: int, request: OrderRequest, instrument: BrokerInstrument, price: Decimal) -> dict[str, object]:
    """Return one order of the list that ``/charges/orders`` takes: an imaginary one needs an id all the same."""
    return {
        "order_id": str(number),
        "exchange": instrument.exchange_code,
        "tradingsymbol": instrument.symbol,
        "transaction_type": SIDE.encode(request.side),
        "variety": VARIETY[request.variety],
        "product": PRODUCT.encode(request.product),
        "order_type": ORDER_TYPE.encode(request.order_type),
        "quantity": request.quantity,
        "average_price": json_number(price),
    }


def order_margin(row: Row) -> Margin:
    """Return the margin of a single order: what it needs beside the positions there are."""
    total = above_zero(row, "total")
    return _margin(row, total, total, row)


def basket_margin(row: Row) -> Margin:
    """Return the margin of several orders: ``initial`` one by one, ``final`` together and with the positions."""
    initial, final = row.child("initial"), row.child("final")
    return _margin(final, above_zero(initial, "total"), above_zero(final, "total"), row)


def _margin(parts: Row, total: Decimal, final: Decimal, charged: Row) -> Margin:
    return Margin(
        total=total,
        final_total=final,
        span=parts.positive("span"),
        exposure=parts.positive("exposure"),
        option_premium=parts.positive("option_premium"),
        charges=charges(charged.child("charges")) if charged.data.get("charges") else None,
    )


def charges(row: Row) -> Charges:
    """Return the charges below a ``charges`` key. What the parts do not add up to is `other`."""
    known = Charges(
        brokerage=row.number("brokerage"),
        stt=row.number("transaction_tax"),
        transaction=row.number("exchange_turnover_charge"),
        sebi=row.number("sebi_turnover_charge"),
        stamp=row.number("stamp_duty"),
        gst=row.child("gst").number("total"),
    )
    return with_rest(known, above_zero(row, "total"))


def contract_note(row: Row, wanted: int) -> Charges:
    """Return the charges of so many orders of a virtual contract note together, which `noted` has wrapped."""
    rows = row.items(_NOTED)
    if len(rows) != wanted:
        raise RowError(f"tells of {len(rows)} orders, {wanted} were asked for")
    each = [charges(Row(item).child("charges")) for item in rows]
    return sum(each[1:], each[0])


def only(data: object) -> object:
    """Return the one row of a list of one; what is no such list comes back as one, which is no row."""
    return data[0] if isinstance(data, list) and len(data) == 1 else [data]


def noted(data: object) -> object:
    """Return a virtual contract note, which is a list, as the object that `contract_note` reads."""
    return {_NOTED: data}
