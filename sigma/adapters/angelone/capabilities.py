"""What AngelOne offers through SmartAPI (wire.md C, D, G)."""

from __future__ import annotations

from sigma.domain.accounts import AuthMode, Capabilities
from sigma.domain.orders import OrderType, Product, Validity, Variety

BROKER = "angelone"

# No order history: SmartAPI has no such endpoint. Market protection is unverified, hence not declared [wire.md G].
# No currency and no commodity orders: whether their quantities are lots or units is unverified [wire.md E].
CAPABILITIES = Capabilities(
    broker=BROKER,
    title="AngelOne",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    products=frozenset(Product),
    order_types=frozenset(OrderType),
    varieties=frozenset(Variety),
    validities=frozenset(Validity),
    order_history=False,
    market_protection=False,
    auth_modes=frozenset({AuthMode.MANUAL, AuthMode.AUTO}),
    credentials=("api_key", "client_code"),
    login_fields=("pin", "otp"),
    orders_per_second=8,  # nine are allowed for place, modify and cancel together
    quote_batch=50,
    reads_per_second=1.0,
    tag_length=20,
    day_ends="00:00",
)
