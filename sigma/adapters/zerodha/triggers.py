"""Kite's triggers (GTT) and ours (wire.md B1, D, G): limit orders only, single or two-leg, no tag."""

from __future__ import annotations

from sigma.adapters.codec import Reading
from sigma.adapters.rows import Row, RowError, listing_of
from sigma.adapters.zerodha.capabilities import BROKER
from sigma.adapters.zerodha.mapping import ORDER_TYPE, PRODUCT, SIDE
from sigma.domain.errors import SigmaError
from sigma.domain.gtt import BrokerGtt, Gtt, GttKind, GttLeg, GttStatus
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.orders import OrderType
from sigma.ports.broker import InstrumentLookup

KIND = {GttKind.SINGLE: "single", GttKind.OCO: "two-leg"}
KIND_READ = Reading({kind: (word,) for kind, word in KIND.items()})
STATUS = Reading(
    {
        GttStatus.ACTIVE: ("active",),
        GttStatus.TRIGGERED: ("triggered",),
        GttStatus.DISABLED: ("disabled",),
        GttStatus.EXPIRED: ("expired",),
        GttStatus.CANCELLED: ("cancelled",),
        GttStatus.REJECTED: ("rejected",),
        GttStatus.DELETED: ("deleted",),
    }
)


def params(gtt: Gtt, instrument: BrokerInstrument) -> dict[str, object]:
    """Return the arguments of ``place_gtt``, which ``modify_gtt`` takes too; triggers in ascending order.

    The client makes floats of them: prices have at most four decimals, which a float carries.
    """
    legs = sorted(gtt.legs, key=lambda leg: leg.trigger_price)
    return {
        "trigger_type": KIND[gtt.kind],
        "tradingsymbol": instrument.symbol,
        "exchange": instrument.exchange_code,
        "trigger_values": [float(leg.trigger_price) for leg in legs],
        "last_price": float(gtt.last_price),
        "orders": [
            {
                "transaction_type": SIDE.encode(gtt.side),
                "quantity": leg.quantity,
                "order_type": ORDER_TYPE.encode(OrderType.LIMIT),
                "product": PRODUCT.encode(gtt.product),
                "price": float(leg.price),
            }
            for leg in legs
        ],
    }


def known_id(gtt: Gtt) -> str:
    """Return the broker's id of a trigger.

    Raises
    ------
    SigmaError
        It is not known yet: nothing can be changed.
    """
    if not gtt.broker_gtt_id:
        raise SigmaError(f"Trigger {gtt.id} has no broker id yet.", hint="Wait until it is known.", code="NO_BROKER_ID")
    return gtt.broker_gtt_id


def trigger_id(data: object) -> object:
    """Return the ``trigger_id`` of an accepted write as a text, None when there is none; Kite writes it as a number."""
    value = data.get("trigger_id") if isinstance(data, dict) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def trigger(row: Row, lookup: InstrumentLookup) -> BrokerGtt:
    """Return one row of the list; a status that is not in the table is kept verbatim with status None."""
    condition, orders = row.child("condition"), [Row(item) for item in row.items("orders")]
    exchange, symbol = condition.word("exchange"), condition.word("tradingsymbol")
    values = [Row({"trigger": value}).number("trigger") for value in condition.items("trigger_values")]
    if not orders or len(orders) != len(values):
        raise RowError(f"has {len(values)} triggers and {len(orders)} orders")
    if len({order.word("transaction_type") for order in orders}) > 1:
        raise RowError("has legs of both sides")
    results = [order.child("result").child("order_result") for order in orders]
    status = row.word("status")
    pairs = zip(values, orders, strict=True)
    return BrokerGtt(
        broker_gtt_id=row.word("id"),
        status=STATUS.find(status),
        broker_status=status,
        kind=KIND_READ.decode(row.word("type")),
        exchange=exchange,
        symbol=symbol,
        listing=listing_of(lookup, BROKER, exchange, symbol, condition.text("instrument_token")),
        side=SIDE.decode(orders[0].word("transaction_type")),
        product=PRODUCT.find(orders[0].text("product")),
        legs=tuple(GttLeg(value, order.number("price"), order.whole("quantity")) for value, order in pairs),
        created_at=row.moment("created_at"),
        updated_at=row.moment("updated_at"),
        expires_at=row.moment("expires_at"),
        broker_order_ids=tuple(result.text("order_id") for result in results),
        reason=next(filter(None, (result.text("rejection_reason") for result in results)), ""),
    )
