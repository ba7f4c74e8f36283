"""SmartAPI's previews of margin and charges, in our words.

Requests are wire.md B2's. The answers are those of the vendor's examples (smartapi.angelone.in/docs, Margin Calculator and
Brokerage Calculator) and unverified: another shape is refused here, and no amount is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sigma.adapters.angelone.mapping import ORDER_TYPE, PRODUCT, SIDE
from sigma.adapters.estimates import above_zero, json_number, with_rest
from sigma.adapters.rows import Row, RowError, plain
from sigma.domain.charges import Charges, Margin
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest

_DEEPEST = 4
# The parts of a charge by name, as the vendor's example writes them.
_PARTS = {
    "angel one brokerage": "brokerage",
    "security transaction tax": "stt",
    "exchange transaction charges": "transaction",
    "sebi fees": "sebi",
    "stamp duty": "stamp",
    "gst": "gst",
}


def margin_params(request: OrderRequest, instrument: BrokerInstrument) -> dict[str, object]:
    """Return one of the ``positions`` of ``margin/v1/batch``; price 0 stands for none."""
    return {
        "exchange": instrument.exchange_code,
        "qty": request.quantity,
        "price": json_number(request.price),
        "productType": PRODUCT.encode(request.product),
        "token": instrument.token,
        "tradeType": SIDE.encode(request.side),
        "orderType": ORDER_TYPE.encode(request.order_type),
    }


def charge_params(request: OrderRequest, instrument: BrokerInstrument, price: Decimal) -> dict[str, str]:
    """Return one of the ``orders`` of ``estimateCharges``: texts throughout."""
    return {
        "product_type": PRODUCT.encode(request.product),
        "transaction_type": SIDE.encode(request.side),
        "quantity": str(request.quantity),
        "price": plain(price),
        "exchange": instrument.exchange_code,
        "symbol_name": instrument.symbol,
        "token": instrument.token,
    }


def margin(row: Row, wanted: int) -> Margin:
    """Return the margin of so many orders. Of one alone it is what it needs; of several the benefit must be told too.

    ``spanMargin`` is told without its exposure apart, so that exposure is not known.
    """
    parts = row.child("marginComponents")
    final = above_zero(row, "totalMarginRequired")
    benefit = parts.maybe("marginBenefit") if wanted == 1 else parts.number("marginBenefit")
    if benefit is not None and benefit < ZERO:
        raise RowError(f"marginBenefit is {benefit}")
    return Margin(
        total=final + (benefit or ZERO),
        final_total=final,
        span=parts.positive("spanMargin"),
        option_premium=parts.positive("totOptionsPremium"),
    )


def charges(row: Row) -> Charges:
    """Return the charges of all orders of an answer together; a part of an unknown name is `other`."""
    summary = row.child("summary")
    found = dict.fromkeys((*_PARTS.values(), "other"), ZERO)
    for name, amount in _leaves(summary, 0):
        found[_PARTS.get(name.casefold(), "other")] += amount
    return with_rest(Charges(**found), above_zero(summary, "total_charges"))


def _leaves(row: Row, depth: int) -> Iterator[tuple[str, Decimal]]:
    """Return the amounts of a breakup that are not broken up further."""
    if depth > _DEEPEST:
        raise RowError("breakup is nested too deep")
    for item in row.items("breakup"):
        part = Row(item)
        if part.items("breakup"):
            yield from _leaves(part, depth + 1)
        else:
            yield part.word("name"), part.number("amount")
