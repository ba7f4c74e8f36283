"""What AngelOne offers through SmartAPI (wire.md C, D, G)."""

from __future__ import annotations

from sigma.domain.accounts import AuthMode, Capabilities
from sigma.domain.limits import CallKind, CallLimit, Window, WriteLimit
from sigma.domain.market import Timeframe
from sigma.domain.orders import OrderType, Product, Validity, Variety

BROKER = "angelone"


def _each(*windows: Window, kinds: tuple[CallKind, ...]) -> tuple[CallLimit, ...]:
    """Return a limit for each kind: SmartAPI counts its endpoints apart."""
    return tuple(CallLimit(str(kind), frozenset({kind}), windows) for kind in kinds)


_LIMITS = (
    *_each(Window(10, 1), Window(500, 60), kinds=(CallKind.QUOTES,)),
    *_each(Window(3, 1), Window(180, 60), Window(5000, 3600), kinds=(CallKind.BARS,)),
    *_each(Window(1, 1), kinds=(CallKind.BOOK, CallKind.FILLS, CallKind.HOLDINGS, CallKind.POSITIONS, CallKind.LOGIN)),
    *_each(Window(2, 1), kinds=(CallKind.FUNDS,)),
    *_each(Window(3, 1), kinds=(CallKind.PROFILE,)),
    *_each(Window(10, 1), kinds=(CallKind.MARGIN,)),
    *_each(Window(1, 1), kinds=(CallKind.OTHER,)),
)

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
    static_ip=True,
    margin_preview=True,
    charges_preview=True,
    market_protection=False,
    auth_modes=frozenset({AuthMode.MANUAL, AuthMode.AUTO}),
    credentials=("api_key", "client_code"),
    login_fields=("pin", "otp"),
    setup_steps=(
        "Sign in at [smartapi.angelone.in](https://smartapi.angelone.in) and make an app; copy its API key.",
        "Register the static IP address of this machine there. Orders from other addresses are refused; reading works from any.",
        "Enable TOTP at [smartapi.angelone.in/enable-totp](https://smartapi.angelone.in/enable-totp) and add its secret to your "
        "authenticator app.",
        "The client code is what you log in to AngelOne with.",
    ),
    login_steps=(
        "Enter the PIN of your AngelOne login and the six digits that your authenticator app shows now.",
        "Both are used once and not kept. The login lasts until midnight IST.",
    ),
    # Nine a second, 500 a minute and 1,000 an hour are allowed for place, modify and cancel together [wire.md G].
    write_limits=(WriteLimit(8, 1, 2), WriteLimit(490, 60, 100), WriteLimit(980, 3600, 200)),
    quote_batch=50,
    limits=_LIMITS,
    streaming=True,
    feed_listings=1000,
    preview_batch=50,
    history_days={
        Timeframe.M1: 30,
        Timeframe.M3: 60,
        Timeframe.M5: 100,
        Timeframe.M15: 200,
        Timeframe.M30: 200,
        Timeframe.H1: 400,
        Timeframe.D1: 2000,
    },
    tag_length=20,
    # The exchange's code and words in the book. SmartAPI documents no texts of its own; an order sent while after-market orders
    # are taken becomes one by itself [wire.md D], so these are seen around the session only (unverified).
    off_hours=("16388", "market is closed", "markets are closed", "Try placing an AMO order"),
    unauthorised=("eDIS", "at the depository", "TPIN"),
    edis_url="https://www.angelone.in/trade",
    day_ends="00:00",
)
