"""What the accounts of all brokers share: asking for rows, and what must hold before an order is put into a broker's words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sigma.adapters.answers import Line
from sigma.adapters.rows import ReadRows, Row, read_rows
from sigma.adapters.transport import Redactor, secrets_of
from sigma.domain.accounts import BrokerSession, Capabilities
from sigma.domain.answers import BookRead, BrokerOrder, WriteAnswer
from sigma.domain.errors import BrokerUnavailable, NotFound, SigmaError, Unsupported
from sigma.domain.gtt import BrokerGtt, Gtt
from sigma.domain.instruments import BrokerInstrument, split_listing
from sigma.domain.orders import Order, OrderRequest, Outcome
from sigma.domain.portfolio import Rows
from sigma.ports.broker import AdapterContext

logger = logging.getLogger(__name__)
T = TypeVar("T")
Call = Callable[[], object]


class SdkAccount:
    """Base of a broker's account. Reads and writes have clients of their own, so that neither waits for the other.

    Parameters
    ----------
    credentials : mapping
        Secrets, together with the session's tokens: taken out of every text that leaves.
    """

    capabilities: Capabilities
    _reads: Line
    _writes: Line

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> None:
        self._lookup, self._clock = context.instruments, context.clock
        self._clean = Redactor(secrets_of(credentials, session.tokens))

    def _one(self, what: str, call: Call, reader: Callable[[Row], T]) -> T:
        data, _ = self._reads.ask_data(what, call)
        read = read_rows(what, [data], reader, self._clean)
        if not read.rows:
            raise BrokerUnavailable(f"{self.capabilities.title}'s answer to {what} cannot be read: {read.complaints[0]}")
        return read.rows[0]

    def _rows(self, what: str, call: Call, reader: Callable[[Row], T], pick: Callable[[object], object] | None = None) -> Rows[T]:
        data, _ = self._reads.ask_data(f"the {what}s", call)
        read = read_rows(what, pick(data) if pick else data, reader, self._clean)
        return Rows(read.rows, read.complaints)

    def _book(self, call: Call, reader: Callable[[Row], BrokerOrder], id_key: str) -> BookRead:
        asked_at = self._clock.now()
        data, answer = self._reads.ask_data("the order book", call)
        read = read_rows("order", data, reader, self._clean, id_key)
        return BookRead(read.rows, read.bad, asked_at, self._clock.now(), answer.date)

    def _logged(self, what: str, data: object, reader: Callable[[Row], T]) -> tuple[T, ...]:
        """Return the readable rows of a list that has no place for marked ones; those are logged."""
        read: ReadRows[T] = read_rows(what, data, reader, self._clean)
        for text in read.complaints:
            logger.warning("%s: unreadable %s", self.capabilities.title, text)
        return read.rows

    def _named(self, listings: Sequence[str]) -> list[BrokerInstrument]:
        """Return the broker's names of the listings it knows; Unsupported when they are more than one call may ask for."""
        title, most = self.capabilities.title, self.capabilities.quote_batch
        if len(listings) > most:
            raise Unsupported(f"{title} gives {most} quotes at once, {len(listings)} were asked for.", hint="Ask in parts.")
        found = []
        for listing in listings:
            try:
                found.append(self._lookup.broker_instrument(self.capabilities.broker, listing))
            except NotFound:
                continue
        return found

    def _estimate(self, what: str, call: Call, reader: Callable[[Row], T], pick: Callable[[object], object] | None = None) -> T:
        """Return a preview of orders, which is for people to read: the log alone has the answer that tells none."""
        data, _ = self._reads.ask_data(f"the {what}", call)
        read = read_rows(what, [pick(data) if pick else data], reader, self._clean)
        if not read.rows:
            title = self.capabilities.title
            logger.warning("%s: unusable %s", title, read.complaints[0])
            raise BrokerUnavailable(f"{title} names no {what} that can be used: {read.bad[0].reason}", retryable=False)
        return read.rows[0]

    def _some(self, wanted: Sequence[T]) -> Sequence[T]:
        """Return what a preview is asked of; Unsupported when it is nothing, or more than one call may ask of."""
        title, most = self.capabilities.title, self.capabilities.preview_batch
        if not 0 < len(wanted) <= most:
            told = f"{title} estimates 1 to {most} orders at once, {len(wanted)} were asked for."
            raise Unsupported(told, hint="Ask in parts.")
        return wanted

    def _instrument(self, request: OrderRequest) -> BrokerInstrument:
        """Return the broker's name of what is to be traded, once nothing speaks against an order there."""
        if request.gtt:
            raise Unsupported("A resting trigger (GTT) is no order and was not sent.", hint="Take the GTT wish away.")
        return self._traded(request.listing)

    def _traded(self, listing: str) -> BrokerInstrument:
        """Return the broker's name of a listing on an exchange where it takes writes from here."""
        title, (exchange, _) = self.capabilities.title, split_listing(listing)
        if exchange.value not in self.capabilities.exchanges:
            raise Unsupported(f"{title} takes no orders on {exchange} from here.", hint="See the account's capabilities.")
        return self._lookup.broker_instrument(self.capabilities.broker, listing)

    def _broker_id(self, order: Order) -> str:
        if not order.broker_order_id:
            raise SigmaError(f"Order {order.id} has no broker id yet.", hint="Wait until it is known.", code="NO_BROKER_ID")
        return order.broker_order_id

    def gtts(self) -> Rows[BrokerGtt]:
        """Refuse: this broker keeps no triggers for us."""
        raise Unsupported(self._no_triggers, hint="See the account's capabilities.")

    def place_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: this broker keeps no triggers for us."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=self._no_triggers)

    def modify_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: this broker keeps no triggers for us."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=self._no_triggers)

    def cancel_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: this broker keeps no triggers for us."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=self._no_triggers)

    @property
    def _no_triggers(self) -> str:
        return f"{self.capabilities.title} keeps no resting triggers (GTT) from here."
