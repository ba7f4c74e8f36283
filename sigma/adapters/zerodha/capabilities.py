"""What Zerodha offers through Kite Connect (wire.md C, D, G)."""

from __future__ import annotations

from sigma.domain.accounts import AuthMode, Capabilities
from sigma.domain.limits import DAY_S, CallKind, CallLimit, Window, WriteLimit
from sigma.domain.market import Timeframe
from sigma.domain.orders import OrderType, Product, Validity, Variety

BROKER = "zerodha"

_APART = frozenset({CallKind.QUOTES, CallKind.BARS})
# Whether "10 a second" is each other endpoint's or all together's is not said: all together keeps both [wire.md G].
_LIMITS = (
    CallLimit("quotes", frozenset({CallKind.QUOTES}), (Window(1, 1),)),
    CallLimit("bars", frozenset({CallKind.BARS}), (Window(3, 1),)),
    CallLimit("all else", frozenset(CallKind) - _APART, (Window(10, 1),)),
)

# No currency and no commodity orders: whether their quantities are lots or units is unverified [wire.md E].
CAPABILITIES = Capabilities(
    broker=BROKER,
    title="Zerodha",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    products=frozenset(Product),
    order_types=frozenset(OrderType),
    varieties=frozenset(Variety),
    validities=frozenset(Validity),
    order_history=True,
    gtt_single=True,
    gtt_oco=True,
    gtt_limit=250,
    static_ip=True,
    margin_preview=True,
    charges_preview=True,
    market_protection=True,
    login_redirect=True,
    auth_modes=frozenset({AuthMode.MANUAL}),
    credentials=("api_key", "api_secret"),
    login_fields=("request_token",),
    setup_steps=(
        "Sign in at [developers.kite.trade](https://developers.kite.trade) and make an app of type *Connect*.",
        "Enter the address below as the app's redirect URL.",
        "Register the static IP address of this machine there. Orders from other addresses are refused; reading works from any.",
        "Copy the app's API key and API secret.",
    ),
    login_steps=(
        "Open the login page and log in as this account's client, with your password and second factor.",
        "Zerodha sends you back here, and the login is finished by itself. It lasts until 06:00 IST.",
    ),
    # Ten a calendar second, 400 a minute and 5,000 a day are allowed [wire.md G].
    write_limits=(WriteLimit(9, 1, 2), WriteLimit(390, 60, 80), WriteLimit(4_950, DAY_S, 500)),
    quote_batch=500,
    limits=_LIMITS,
    streaming=True,
    feed_listings=3000,
    history_days={
        Timeframe.M1: 60,
        Timeframe.M3: 100,
        Timeframe.M5: 100,
        Timeframe.M15: 200,
        Timeframe.M30: 200,
        Timeframe.H1: 400,
        Timeframe.D1: 2000,
    },
    tag_length=20,
    # Kite's words for an intraday order on a day without trading and for any other order while closed, and the exchange's code
    # in the book. "After market orders cannot be placed during market hours" is none of them. From support pages and forums;
    # the whole list is nowhere documented.
    off_hours=("markets are not open for trading", "Try placing an AMO order", "Markets are closed", "16388"),
    unauthorised=("needs authorisation at", "at the depository", "TPIN"),
    edis_url="https://kite.zerodha.com/holdings",
    day_ends="06:00",
)
