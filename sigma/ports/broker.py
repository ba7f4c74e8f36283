"""What a broker's adapter offers. Adapters do I/O and translate; they decide nothing and retry nothing.

Reads raise a BrokerError (SessionExpired, RateLimited, BrokerUnavailable, Unsupported) and nothing else. Writes never
raise: whatever happens comes back as a WriteAnswer, and what proves nothing is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sigma.domain.accounts import BrokerSession, Capabilities, Profile
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder, WriteAnswer
from sigma.domain.bars import Bars
from sigma.domain.charges import Charges, Margin
from sigma.domain.gtt import BrokerGtt, Gtt
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.market import Quote, Timeframe
from sigma.domain.orders import Order, OrderRequest
from sigma.domain.portfolio import Conversion, Funds, Holding, Position, Rows
from sigma.ports.clock import Clock
from sigma.ports.feed import Feed, FeedRules, FeedSink
from sigma.ports.masters import MasterFile
from sigma.ports.paper import PaperPlace
from sigma.ports.probe import NoProbe, Probe


class InstrumentLookup(Protocol):
    """Both directions between a listing and a broker's name for it."""

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
        """Return the broker's name of `listing`; NotFound with a hint when the master lacks it."""

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        """Return the canonical text of a broker's symbol, None when unknown."""

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        """Return the canonical text of a broker's token, None when unknown."""


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What an adapter needs from the house.

    Parameters
    ----------
    url, master_url, stream_url : str
        Where the broker is, empty for its real address (SIGMA_<BROKER>_URL, SIGMA_<BROKER>_MASTER_URL, SIGMA_<BROKER>_WS_URL).
    timeout_s : float
        Time-out of every call, seconds.
    feed_rules : FeedRules
        When a live feed counts as silent or dead.
    paper : PaperPlace or None
        What a paper account stands on; None for every other.
    """

    clock: Clock
    instruments: InstrumentLookup
    url: str = ""
    master_url: str = ""
    stream_url: str = ""
    timeout_s: float = 7.0
    probe: Probe = field(default_factory=NoProbe)
    feed_rules: FeedRules = field(default_factory=FeedRules)
    paper: PaperPlace | None = None


class Broker(Protocol):
    """One account at one broker, logged in. Not shared between threads: make one for each."""

    capabilities: Capabilities

    def profile(self) -> Profile:
        """Return who is logged in, by a real call."""

    def funds(self) -> Funds:
        """Return the account's money."""

    def holdings(self) -> Rows[Holding]:
        """Return the shares in demat."""

    def positions(self) -> Rows[Position]:
        """Return net positions, flat ones of the day included."""

    def quotes(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes by canonical text; unknown listings are absent. At most `capabilities.quote_batch` at once."""

    def history(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        """Return the bars that close after `start` and open before `end` (UTC), the forming one included.

        `at` is the bar's opening plus its length, a day's the midnight after it: adapters know no sessions, and
        `sigma.engines.bars.clip` puts the session's close in place. One call at the broker: the span is at most
        ``capabilities.history_days[timeframe]``. Unsupported for a timeframe that is not among them, NotFound for a listing
        that the broker has no name for.
        """

    def order_book(self) -> BookRead:
        """Return the day's whole order book; an unreadable row is marked, not lost."""

    def order_history(self, broker_order_id: str) -> tuple[BrokerOrder, ...]:
        """Return the states one order went through, oldest first; Unsupported without the capability."""

    def fills(self) -> Rows[BrokerFill]:
        """Return the day's executions."""

    def place(self, request: OrderRequest, tag: str, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one new order, once. `tag` is our client_order_id. Probe points: ``bytes_left``, ``answer_arrived``.

        `send_by_ns` is checked on the boot clock between connect and first byte (ADR 0002); past it the answer is NOT_SENT.
        """

    def modify(self, order: Order, request: OrderRequest, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one modification of `order` (which has a broker id) towards `request`, once."""

    def cancel(self, order: Order, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one cancellation of `order` (which has a broker id), once."""

    def margin(self, requests: Sequence[OrderRequest]) -> Margin:
        """Return what would be held for orders together, positions considered; Unsupported without the capability."""

    def charges(self, requests: Sequence[tuple[OrderRequest, Decimal]]) -> Charges:
        """Return what orders would cost that trade at the prices given (rupees); Unsupported without the capability."""

    def convert(self, conversion: Conversion, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one conversion of a position to another product, once."""

    def gtts(self) -> Rows[BrokerGtt]:
        """Return the resting triggers of the account, fired and ended ones as long as the broker lists them."""

    def place_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one new resting trigger, once; its id is the answer's `broker_order_id`."""

    def modify_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one modification of a resting trigger (which has a broker id) towards what `gtt` says, once."""

    def cancel_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one removal of a resting trigger (which has a broker id), once."""


class Authenticator(Protocol):
    """Logging in and out of a broker."""

    def login_url(self) -> str:
        """Return where the person logs in; Unsupported where there is no such page."""

    def connect(self, given: Mapping[str, str]) -> tuple[BrokerSession, Profile]:
        """Log in with what the person entered and verify by a profile call.

        `given` holds the broker's `login_fields` (request_token; pin and otp) or ``access_token``.
        Raises InvalidInput (a field is missing or refused), SessionExpired (refused credentials), BrokerUnavailable.
        """

    def renew(self, session: BrokerSession) -> BrokerSession:
        """Return a fresh session by the refresh token; Unsupported without one, SessionExpired when refused."""

    def auto_login(self) -> tuple[BrokerSession, Profile]:
        """Log in by stored credentials, once; Unsupported unless the broker allows `auto`."""

    def logout(self, session: BrokerSession) -> None:
        """End the session at the broker."""


class BrokerKit(Protocol):
    """One adapter folder's whole offer; `bootstrap` holds the table of kits by broker name."""

    capabilities: Capabilities

    def authenticator(self, credentials: Mapping[str, str], context: AdapterContext) -> Authenticator:
        """Return the login of an account with these stored credentials."""

    def broker(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> Broker:
        """Return a logged-in account. Makes no network call."""

    def master(self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
        """Download the instrument master; BrokerError when it did not arrive whole or is none."""

    def read_master(self, data: bytes) -> MasterFile:
        """Return an instrument master that a person gives as a file; BrokerUnavailable when it is none."""

    def read_postback(self, credentials: Mapping[str, str], body: bytes, context: AdapterContext) -> BrokerOrder:
        """Return the order that a broker's postback tells of.

        Raises
        ------
        Denied
            Its checksum is not one of this account's.
        InvalidInput
            It is none, or of no known form.
        Unsupported
            This broker sends none.
        """

    def feed(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> Feed:
        """Return the live feed of a logged-in account, not connected yet; Unsupported without the capability `streaming`."""
