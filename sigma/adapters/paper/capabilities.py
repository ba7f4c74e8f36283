"""What a paper account can do, and the stated simplifications of its clearing house."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sigma.domain.accounts import AuthMode, Capabilities
from sigma.domain.limits import CallKind, CallLimit, Window, WriteLimit
from sigma.domain.orders import OrderType, Product, Validity, Variety

BROKER = "paper"

# Margin as a part of turnover. Brokers compute SPAN and exposure by contract and day; these are round figures near them.
MARGIN = {Product.CNC: Decimal(1), Product.MIS: Decimal("0.20")}
"""Of shares: delivery is paid in full, intraday has five times leverage (the least margin that SEBI allows is 20 %)."""
FUTURE_MARGIN = SHORT_OPTION_MARGIN = Decimal("0.15")
"""Of the value of a future, and of strike plus premium of a written option. A bought option is paid in full."""
SQUARE_OFF_BEFORE = timedelta(minutes=10)
"""Intraday positions are closed this long before the exchange's close (15:20 on a usual day)."""
TOUCH_VALUE = Decimal(500_000)
"""Rupees offered on each side, one tick from the last price, where a quote has no depth."""

CAPABILITIES = Capabilities(
    broker=BROKER,
    title="Paper",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    products=frozenset({Product.CNC, Product.MIS, Product.NRML}),
    order_types=frozenset(OrderType),
    varieties=frozenset(Variety),
    validities=frozenset(Validity),
    margin_preview=True,
    charges_preview=True,
    market_protection=True,
    simulated=True,
    auth_modes=frozenset({AuthMode.MANUAL}),
    setup_steps=(
        "There is nothing to do anywhere else. No money moves, and no order leaves this machine.",
        "Orders execute at the prices of your market data source (Settings), so another account must be connected.",
    ),
    login_steps=("There is nothing to enter. The account stays connected until you disconnect it.",),
    write_limits=(WriteLimit(50, 1, 2),),
    quote_batch=500,
    limits=(CallLimit("all calls", frozenset(CallKind), (Window(200, 1),)),),
    tag_length=20,
    off_hours=("markets are closed right now",),
    day_ends="",
)
