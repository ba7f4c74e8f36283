"""What reading previews of margin and charges shares. An amount that is missing, zero or negative is not known, never 0."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sigma.adapters.rows import Row, RowError
from sigma.domain.charges import Charges
from sigma.domain.money import to_float

# Parts that are rounded one by one may add up to a little more than their total.
_ROUNDING = Decimal("0.10")


def above_zero(row: Row, key: str) -> Decimal:
    """Return an amount of rupees above 0.

    Raises
    ------
    RowError
        It is missing, zero or negative: that is what brokers say of an exit, and of what they do not know.
    """
    if (value := row.positive(key)) is None:
        raise RowError(f"its {key} is not above 0, as for an exit that needs nothing or for what is not known")
    return value


def with_rest(known: Charges, total: Decimal) -> Charges:
    """Return charges that add up to `total` rupees: what no part explains is `other`.

    Raises
    ------
    RowError
        A part is negative, or the parts are more than their total.
    """
    parts = (known.brokerage, known.stt, known.transaction, known.sebi, known.stamp, known.gst, known.other)
    rest = total - known.total
    if min(parts) < 0 or rest < -_ROUNDING:
        raise RowError(f"its parts come to {known.total}, its total to {total}")
    return replace(known, other=known.other + rest)


def json_number(price: Decimal | None) -> int | float:
    """Return a price as JSON has numbers: the shortest text of the float is the price as it was written. 0 for none."""
    if price is None:
        return 0
    return int(price) if price == price.to_integral_value() else to_float(price)
