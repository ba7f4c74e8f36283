"""Accounts (one login at one broker), their sessions, and what their brokers can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sigma.domain.limits import ONE_BY_ONE, CallKind, CallLimit, WriteLimit
from sigma.domain.market import Timeframe
from sigma.domain.orders import OrderType, Product, Validity, Variety


class TradingMode(StrEnum):
    """What an account (or a user) may do: everything, only reduce, or nothing new."""

    NORMAL = "NORMAL"
    EXIT_ONLY = "EXIT_ONLY"
    PAUSED = "PAUSED"


def stricter(one: TradingMode, other: TradingMode) -> TradingMode:
    """Return the stricter of two trading modes."""
    order = list(TradingMode)
    return max(one, other, key=order.index)


class AuthMode(StrEnum):
    """Who logs in: the person each day, or the program with stored credentials (opt-in)."""

    MANUAL = "manual"
    AUTO = "auto"


AUTO_KEYS = ("pin", "totp_secret")
"""Credentials that are stored in auto mode only."""

AUTO_CONSENT = (
    "Automatic login stores your PIN and your TOTP secret on this machine, encrypted under its key. Whoever gets both the "
    "database and the key can log in as you and trade. Brokers' terms and the daily two-factor rule expect a person to log in."
)


class SessionState(StrEnum):
    """What is known about an account's login at the broker."""

    NEVER = "never"
    CONNECTED = "connected"
    EXPIRED = "expired"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Account:
    """One login at one broker."""

    id: int
    user_id: int
    broker: str
    name: str
    client_id: str | None
    is_default: bool
    enabled: bool
    trading_mode: TradingMode
    auth_mode: AuthMode
    created_at: datetime
    last_run_at: datetime | None = None
    frozen_reason: str | None = None
    tag_verified: bool = False
    version: int = 1

    @property
    def simulated(self) -> bool:
        """Whether its orders are imaginary (paper)."""
        return self.broker == "paper"


@dataclass(frozen=True, slots=True)
class BrokerSession:
    """A login at a broker. `tokens` are secret: kept encrypted, never logged.

    Parameters
    ----------
    tokens : mapping
        Zerodha ``access_token``; AngelOne ``jwt``, ``refresh``, ``feed``.
    user_name : str
        The person's name by the broker's word.
    """

    client_id: str
    tokens: Mapping[str, str] = field(repr=False)
    obtained_at: datetime
    expires_at: datetime
    user_name: str = ""

    def expired(self, now: datetime) -> bool:
        """Say whether the session is past its end at `now`."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Profile:
    """Who is logged in, by the broker's word."""

    client_id: str
    name: str
    email: str = ""
    exchanges: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """Answer to "is this account connected?"; `checked_at` is when the broker was last asked.

    `expires_at` is None for a login that does not end by itself.
    """

    account: str
    state: SessionState
    client_id: str | None = None
    user_name: str | None = None
    obtained_at: datetime | None = None
    expires_at: datetime | None = None
    checked_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can do, as data. Controls for what is missing are not drawn, and services refuse it too.

    Parameters
    ----------
    write_limits : tuple of WriteLimit
        Write budget of an account: place, modify and cancel together, the shortest stretch first. A little below what the
        broker takes, which counts by its own clock, and counts orders from elsewhere too.
    market_protection : bool
        Market orders need a market-protection value (-1: the exchange's own band).
    static_ip : bool
        Writes are taken only from an address that was registered with the broker.
    quote_batch : int
        How many listings one call for quotes takes.
    limits : tuple of CallLimit
        How often the broker may be asked; each kind of call stands in exactly one of them.
    history_days : mapping of Timeframe to int
        The timeframes that the broker gives bars of, and how many days one call may span.
    feed_listings : int
        How many listings one live feed may watch.
    preview_batch : int
        How many orders one call for margin or charges takes.
    gtt_limit : int
        How many triggers may be active at once.
    tag_length : int
        Longest tag that the broker echoes.
    credentials, login_fields : tuple of str
        What an account must store once, and what a person enters at each login.
    login_redirect : bool
        The person logs in on the broker's own page, which sends them back with the `login_fields` in the address.
    setup_steps, login_steps : tuple of str
        What a person does once at the broker before adding an account, and at each login. Markdown, a sentence or two each.
    off_hours : tuple of str
        Parts of the broker's texts that say an order was refused because the market is closed; A is a.
    unauthorised : tuple of str
        Parts of those texts that say shares cannot be sold before their owner authorised it at the depository.
    edis_url : str
        Where the owner does that; empty when not known.
    simulated : bool
        Imaginary money: no credentials, no instrument table and no prices of its own, and no live total counts it.
    day_ends : str
        IST time (HH:MM) at which a session dies; empty: it does not by itself.
    """

    broker: str
    title: str
    exchanges: frozenset[str]
    products: frozenset[Product]
    order_types: frozenset[OrderType]
    varieties: frozenset[Variety]
    validities: frozenset[Validity]
    modify: bool = True
    order_history: bool = False
    fills: bool = True
    depth: bool = True
    streaming: bool = False
    margin_preview: bool = False
    charges_preview: bool = False
    gtt_single: bool = False
    gtt_oco: bool = False
    gtt_limit: int = 0
    market_protection: bool = False
    static_ip: bool = False
    isin_in_master: bool = False
    login_redirect: bool = False
    auth_modes: frozenset[AuthMode] = frozenset({AuthMode.MANUAL})
    credentials: tuple[str, ...] = ()
    login_fields: tuple[str, ...] = ()
    setup_steps: tuple[str, ...] = ()
    login_steps: tuple[str, ...] = ()
    write_limits: tuple[WriteLimit, ...] = (WriteLimit(9, 1, 2),)
    quote_batch: int = 50
    limits: tuple[CallLimit, ...] = ONE_BY_ONE
    history_days: Mapping[Timeframe, int] = field(default_factory=dict)
    feed_listings: int = 0
    preview_batch: int = 50
    tag_length: int = 20
    off_hours: tuple[str, ...] = ()
    unauthorised: tuple[str, ...] = ()
    edis_url: str = ""
    simulated: bool = False
    day_ends: str = "06:00"

    def __post_init__(self) -> None:
        counted = [kind for limit in self.limits for kind in limit.kinds]
        if sorted(counted) != sorted(CallKind):
            raise ValueError(f"the limits of {self.broker} must name each kind of call once, and name {sorted(counted)}")

    def limit(self, kind: CallKind) -> CallLimit:
        """Return the limit that calls of a kind count for."""
        return next(limit for limit in self.limits if kind in limit.kinds)

    def says_closed(self, text: str) -> bool:
        """Say whether a refusal's text means that the market is closed."""
        return any(part.casefold() in text.casefold() for part in self.off_hours)

    def says_unauthorised(self, text: str) -> bool:
        """Say whether a refusal's text means that the owner must authorise the sale at the depository first."""
        return any(part.casefold() in text.casefold() for part in self.unauthorised)
