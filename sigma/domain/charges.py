"""What trading costs: margin that is held, charges that are paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sigma.domain.money import ZERO

_HALF_A_PAISA = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class Charges:
    """Charges of one or several orders, rupees."""

    brokerage: Decimal = ZERO
    stt: Decimal = ZERO
    transaction: Decimal = ZERO
    sebi: Decimal = ZERO
    stamp: Decimal = ZERO
    gst: Decimal = ZERO
    other: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Rupees, all together."""
        return self.brokerage + self.stt + self.transaction + self.sebi + self.stamp + self.gst + self.other

    @property
    def parts(self) -> dict[str, Decimal]:
        """What it is made of by the field's words, parts of under half a paisa left out."""
        named = {
            "brokerage": self.brokerage,
            "STT": self.stt,
            "exchange": self.transaction,
            "SEBI": self.sebi,
            "stamp duty": self.stamp,
            "GST": self.gst,
            "other": self.other,
        }
        return {name: amount for name, amount in named.items() if abs(amount) >= _HALF_A_PAISA}

    def __add__(self, other: Charges) -> Charges:
        return Charges(
            self.brokerage + other.brokerage,
            self.stt + other.stt,
            self.transaction + other.transaction,
            self.sebi + other.sebi,
            self.stamp + other.stamp,
            self.gst + other.gst,
            self.other + other.other,
        )


@dataclass(frozen=True, slots=True)
class Margin:
    """What a broker would hold for orders, rupees. None: the broker did not say.

    Parameters
    ----------
    total : Decimal
        For each order by itself, added up (`initial` of a basket).
    final_total : Decimal
        With the orders' effect on one another and on the positions there are.
    """

    total: Decimal
    final_total: Decimal
    span: Decimal | None = None
    exposure: Decimal | None = None
    option_premium: Decimal | None = None
    charges: Charges | None = None

    @property
    def benefit(self) -> Decimal:
        """Rupees saved by holding the orders together."""
        return self.total - self.final_total

    @property
    def parts(self) -> dict[str, Decimal]:
        """What was told of its making, by the field's words."""
        named = {
            "SPAN": self.span,
            "exposure": self.exposure,
            "option premium": self.option_premium,
            "benefit": self.benefit or None,
        }
        return {name: amount for name, amount in named.items() if amount is not None}
