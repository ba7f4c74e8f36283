"""Reading the broker's book: facts go into orders, lost writes are judged, orders from elsewhere are adopted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sigma.domain.accounts import Account
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder
from sigma.domain.errors import BrokerError, InvalidInput, InvalidOrder
from sigma.domain.instruments import split_listing
from sigma.domain.limits import CallKind
from sigma.domain.orders import (
    LIVE,
    Command,
    CommandKind,
    CommandState,
    Fill,
    Order,
    OrderMode,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Source,
    Variety,
    average,
)
from sigma.domain.portfolio import Rows
from sigma.domain.times import ist_date
from sigma.engines import lifecycle, settlement
from sigma.engines.lifecycle import Act
from sigma.engines.settlement import Read, SettleRules
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit
from sigma.services.conversions import Conversions
from sigma.services.orders.amend import want_cancel
from sigma.services.orders.gtt import rests
from sigma.services.orders.gtt_sync import TriggerList, TriggerReport, TriggerSync, fired_elsewhere
from sigma.services.orders.house import OrderHouse, freeze, random_id
from sigma.services.orders.verdicts import Verdicts
from sigma.services.orders.writes import order_of

BY_BOOK = frozenset({CommandKind.PLACE, CommandKind.MODIFY, CommandKind.CANCEL})
"""Writes that the order book settles."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one read of an account's book brought.

    Parameters
    ----------
    active : bool
        Orders are at work or outcomes open: the next read should follow soon.
    unknown : int
        Writes whose outcome is still open.
    ahead_s : float or None
        Seconds that our clock is ahead of the broker's, where it said what time it is.
    """

    account: str
    at: datetime
    rows: int
    changed: int
    adopted: int
    new_fills: int
    active: bool
    unknown: int
    bad: tuple[str, ...] = ()
    ahead_s: float | None = None


class BookSync:
    """Reads one account's book and brings our orders into line with it. Any process may; facts need no lease."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house
        self.triggers = TriggerSync(house)
        self.conversions = Conversions(house)

    def sync(self, account_id: int) -> SyncReport:
        """Read book and executions once and record what they say.

        Raises
        ------
        BrokerError
            The book could not be read; nothing was changed.
        """
        house = self._house
        book, asked_ns = house.connected.read(account_id, CallKind.BOOK, self._timed_book, attempts=1)
        fills = house.connected.read(account_id, CallKind.FILLS, lambda broker: broker.fills(), attempts=1)
        listed, unread = self._listed(account_id, book)
        with house.store.begin() as tx:
            account = tx.accounts.get(account_id)
            # Before the book: a trigger that fired gives its order the id of what it placed.
            told = None if listed is None else self.triggers.apply(tx, account, listed)
            report = _Pass(house, tx, account, book, fills, asked_ns, told).run()
        try:
            unsettled = self.conversions.settle(account_id)
        except BrokerError as error:
            unsettled, unread = 1, (*unread, f"positions: {error}")
        return replace(report, unknown=report.unknown + unsettled, bad=(*report.bad, *unread))

    def _listed(self, account_id: int, book: BookRead) -> tuple[TriggerList | None, tuple[str, ...]]:
        """Return the broker's triggers where it is time to read them; why not, where they could not be: the book counts alone."""
        if not self.triggers.due(account_id, book.rows):
            return None, ()
        try:
            return self.triggers.read(account_id), ()
        except BrokerError as error:
            return None, (f"triggers: {error}",)

    def _timed_book(self, broker: Broker) -> tuple[BookRead, int]:
        """Return the book and when it was asked for (boot clock): after the wait for a turn, which brings two reads no closer."""
        asked_ns = self._house.clock.boot_ns()
        return broker.order_book(), asked_ns


class _Pass:
    """One application of a book, in one transaction."""

    def __init__(
        self,
        house: OrderHouse,
        tx: Unit,
        account: Account,
        book: BookRead,
        fills: Rows[BrokerFill],
        asked_ns: int,
        listed: TriggerReport | None = None,
    ) -> None:
        self.house, self.tx, self.account, self.book, self.fills, self.asked_ns = house, tx, account, book, fills, asked_ns
        self.now = house.clock.now()
        self.today = ist_date(self.now)
        self.verdicts = Verdicts(house, tx, account, self.now)
        self.listed = listed
        self.resting = tx.gtts.list(account_id=account.id, resting=True)
        self.open = list(tx.commands.open(account.id))
        self.changed, self.adopted, self.new_fills = (listed.changed if listed else 0), 0, 0
        named = {row.broker_order_id for row in book.rows} | {row.broker_order_id for row in fills.rows}
        self.attached = dict(tx.orders.by_broker_ids(account.id, sorted(named)))
        self.tagged = dict(tx.orders.by_client_ids([row.tag for row in book.rows if row.tag]))
        self.unreadable: list[str] = []

    def run(self) -> SyncReport:
        for row in self.book.rows:
            self._readable(self._row, row)
        for row in self.book.rows:
            if row.broker_order_id not in self.attached and not self._could_be_ours(row):
                self._readable(self._adopt_outsider, row)
        self._apply_fills()
        self._judge_lost()
        self._after()
        working = self.tx.orders.list(account_id=self.account.id, statuses=(*LIVE, OrderStatus.UNKNOWN, OrderStatus.SENDING))
        active = any(self._moves(order) for order in working) or self._fills_missing()
        unlisted = self.listed.bad if self.listed else ()
        bad = (*(f"{bad.what}: {bad.reason}" for bad in self.book.bad), *self.fills.bad, *self.unreadable, *unlisted)
        counts = (len(self.book.rows), self.changed, self.adopted, self.new_fills)
        ahead_s = self.book.ahead_s
        return SyncReport(self.account.name, self.now, *counts, active=active, unknown=self._unknown(), bad=bad, ahead_s=ahead_s)

    def _moves(self, order: Order) -> bool:
        """Say whether something may happen to an order soon: a trigger that rests waits for its exchange to open."""
        exchange, _ = split_listing(order.listing)
        return not order.unsettled and (not rests(order) or self.house.calendar.is_open(exchange, self.now))

    def _unknown(self) -> int:
        """Count the writes whose outcome reading the book or the triggers may still bring out."""
        lost = [command for command in self.tx.commands.open(self.account.id) if command.state is CommandState.UNKNOWN]
        of_orders = sum(command.kind in BY_BOOK and not order_of(self.tx, command).unsettled for command in lost)
        return of_orders + sum(command.kind is CommandKind.GTT and not command.look_alikes for command in lost)

    def _known_today(self) -> set[str]:
        """Broker ids that a complete book of today must show."""
        orders = self.tx.orders.list(account_id=self.account.id, session=self.today)
        return {order.broker_order_id for order in orders if order.broker_order_id}

    def _row(self, row: BrokerOrder) -> None:
        order = self.attached.get(row.broker_order_id)
        if order is None:
            order = self._by_tag(row)
            if order is None:
                return
            self.attached[row.broker_order_id] = order
        seen = lifecycle.observe(order, row, self.now)
        self._check_tag(seen, row, first_seen=not order.broker_status)
        if seen == order:
            return
        self.changed += 1
        told = f"{row.broker_status or seen.status} ({seen.filled_quantity}/{seen.request.quantity})"
        text = f"{told}: {row.reason}" if row.reason else told
        stored = self.house.save(self.tx, seen, "BOOK", text, broker_order_id=row.broker_order_id)
        self.attached[row.broker_order_id] = stored
        if row.tag == stored.client_order_id:
            self.tagged[row.tag] = stored  # a second row with this tag is a twin

    def _by_tag(self, row: BrokerOrder) -> Order | None:
        """Return our order that this row carries the tag of; a second row of one tag is adopted by itself, with an alarm."""
        order = self.tagged.get(row.tag) if row.tag else None
        if order is None or order.user_id != self.account.user_id or order.account_id not in (None, self.account.id):
            return None
        order = replace(order, account_id=self.account.id)  # a restored copy may be from before the approval
        if order.broker_order_id in (None, row.broker_order_id):
            return order
        text = f"order {order.id} exists twice at the broker: {order.broker_order_id} and {row.broker_order_id}"
        twin = self._adopt(row, text, parent=order)
        freeze(self.house, self.tx, self.account.id, text)
        return twin

    def _check_tag(self, order: Order, row: BrokerOrder, *, first_seen: bool) -> None:
        """An account whose first tag is not echoed stops: nothing could be settled there."""
        if order.source is Source.BROKER or order.request.gtt or self.account.tag_verified or not first_seen:
            return  # what a trigger places carries no tag
        if row.tag == order.client_order_id:
            self.account = self.tx.accounts.save(replace(self.tx.accounts.get(self.account.id), tag_verified=True))
        elif not self.account.frozen_reason:
            freeze(self.house, self.tx, self.account.id, f"the broker does not echo our tag (order {row.broker_order_id})")
            self.account = self.tx.accounts.get(self.account.id)

    def _could_be_ours(self, row: BrokerOrder) -> bool:
        """Untagged and alike to a write under way or lost, or to what a trigger may have placed: not adopted until that is
        settled, or its day is over.
        """
        places = [command for command in self.open if command.kind is CommandKind.PLACE]
        orders = [order_of(self.tx, command) for command in places]
        open_orders = [order for order in orders if order.broker_order_id is None and not order.unsettled]
        return any(settlement.looks_like(order, row, ()) for order in open_orders) or self._may_have_fired(row)

    def _may_have_fired(self, row: BrokerOrder) -> bool:
        """Say whether a row may be what a trigger of ours placed: until the list of triggers was read, and could show it."""
        if not fired_elsewhere(self.resting, [row]):
            return False
        age = (self.now - (row.placed_at or self.now)).total_seconds()
        return self.listed is None or age < self.house.seconds("orders.visibility_delay")

    def _adopt_outsider(self, row: BrokerOrder) -> None:
        self._adopt(row, "placed outside SigmaTrader")

    def _readable(self, take: Callable[[BrokerOrder], None], row: BrokerOrder) -> None:
        """Take in a row; one that makes no sense to us is marked and must not keep the others from being read."""
        try:
            take(row)
        except (InvalidOrder, InvalidInput) as error:
            self.unreadable.append(f"order {row.broker_order_id}: {error}")

    def _adopt(self, row: BrokerOrder, why: str, parent: Order | None = None) -> Order:
        request = OrderRequest(
            listing=row.listing or f"{row.exchange}:{row.symbol}",
            side=row.side,
            quantity=max(row.quantity, 1),
            order_type=row.order_type if row.order_type and _priced(row) else OrderType.MARKET,
            product=row.product or Product.CNC,
            price=row.price if row.order_type and row.order_type.has_price and _priced(row) else None,
            trigger_price=row.trigger_price if row.order_type and row.order_type.has_trigger and _priced(row) else None,
            variety=row.variety,
        )
        order = Order(
            id=0,
            user_id=self.account.user_id,
            account_id=self.account.id,
            request=request,
            status=OrderStatus.SENT,
            client_order_id=random_id(),
            mode=OrderMode.MANUAL,
            source=Source.BROKER,
            created_at=row.placed_at or self.now,
            updated_at=self.now,
            broker_order_id=row.broker_order_id,
            parent_id=parent.id if parent else None,
            signal_id=parent.signal_id if parent else None,
            session_date=self._session_of(request, row),
            sent_at=row.placed_at,
            risk_note=_not_understood(row),
        )
        seen = lifecycle.observe(order, row, self.now)
        stored = self.house.add(self.tx, seen, "ADOPTED", why, broker_order_id=row.broker_order_id, tag=row.tag)
        self.attached[row.broker_order_id] = stored
        self.adopted += 1
        return stored

    def _session_of(self, request: OrderRequest, row: BrokerOrder) -> date:
        """Return the session of an order from elsewhere: today's, but for one that was placed after the market for the next."""
        exchange, _ = split_listing(request.listing)
        if row.variety is not Variety.AMO or row.placed_at is None:
            return self.today
        opens = self.house.calendar.next_open(exchange, row.placed_at)
        return self.today if opens is None else ist_date(opens)

    def _apply_fills(self) -> None:
        touched: dict[int, Order] = {}
        for row in self.fills.rows:
            order = self.attached.get(row.broker_order_id)
            if order is None:
                continue
            fill = _fill(order, row, self.account.id)
            if self.tx.orders.add_fill(fill):
                self.new_fills += 1
                touched[order.id] = order
        for order in touched.values():
            fills = list(self.tx.orders.fills(order_id=order.id))
            quantity = sum(fill.quantity for fill in fills)
            seen = lifecycle.executed(order, quantity, average(fills), self.now)
            if seen != order:
                self.changed += 1
                text = f"{quantity} of {order.request.quantity} executed at ₹{average(fills):.2f} on average"
                stored = self.house.save(self.tx, seen, "FILL", text)
                self.attached[stored.broker_order_id or ""] = stored

    def _fills_missing(self) -> bool:
        """Whether the book reports more executed than the list of executions that was read with it."""
        listed = Counter[str]()
        for row in self.fills.rows:
            listed[row.broker_order_id] += row.quantity
        todays = [order for order in self.attached.values() if order.session_date == self.today]
        return any(order.filled_quantity > listed[order.broker_order_id or ""] for order in todays)

    def _judge_lost(self) -> None:
        """Judge the writes without an answer: not those in flight, nor those whose waits another boot's clock counted."""
        boot = self.house.clock.boot_id
        unknown = [command for command in self.open if command.state is CommandState.UNKNOWN and command.boot_id == boot]
        lost = [command for command in unknown if command.kind in BY_BOOK]
        if lost:
            read = Read(self.book, self.asked_ns, self._known_today(), self.attached.keys())
            for command in lost:
                self._judge(command, read)

    def _judge(self, command: Command, read: Read) -> None:
        order = order_of(self.tx, command)
        house = self.house
        rules = SettleRules(
            house.seconds("orders.call_timeout"), house.seconds("orders.visibility_delay"), house.seconds("orders.absence_gap")
        )
        judge = {
            CommandKind.PLACE: settlement.judge_place,
            CommandKind.MODIFY: settlement.judge_modify,
            CommandKind.CANCEL: settlement.judge_cancel,
        }[command.kind]
        judgement = judge(order, command, read, rules, self.today)
        self.house.probe.reached("settling")
        self.verdicts.conclude(order, command, judgement)

    def _after(self) -> None:
        """Earlier sessions' orders whose book is gone become UNSETTLED; wanted cancels go out once an id is known."""
        for order in self.tx.orders.list(account_id=self.account.id, statuses=(*LIVE, OrderStatus.UNKNOWN)):
            if order.slices:
                continue  # it is in no book; its slices are
            over = order.session_date is not None and order.session_date < self.today and not self._in_book(order)
            if over and not order.unsettled:
                unknown = order if order.status is OrderStatus.UNKNOWN else lifecycle.move(order, Act.BOOK_GONE, self.now)
                moved = replace(unknown, unsettled=True)
                text = f"the book of {order.session_date:%d %b %Y} is gone and it was {order.status} there"
                self.house.save(self.tx, moved, "UNSETTLED", text)
                self.house.alarm(
                    self.tx, self.account, "UNSETTLED", f"Order {order.id} ({order.listing}): {text}.", order_id=order.id
                )
            elif order.cancel_wanted:
                want_cancel(self.house, self.tx, order)

    def _in_book(self, order: Order) -> bool:
        return any(row.broker_order_id == order.broker_order_id for row in self.book.rows)


def _not_understood(row: BrokerOrder) -> str:
    """Return what of an order from elsewhere has no word here; such an order is shown and followed, never repeated."""
    strange = [what for what, known in (("product", row.product), ("order type", row.order_type)) if known is None]
    return f"its {' and '.join(strange)} at the broker has no word here; look there" if strange else ""


def _priced(row: BrokerOrder) -> bool:
    """Whether the row carries the prices that its type needs."""
    if row.order_type is None:
        return False
    return (not row.order_type.has_price or bool(row.price)) and (not row.order_type.has_trigger or bool(row.trigger_price))


def _fill(order: Order, row: BrokerFill, account_id: int) -> Fill:
    return Fill(
        id=0,
        order_id=order.id,
        account_id=account_id,
        exchange=row.exchange,
        session_date=ist_date(row.filled_at),
        broker_order_id=row.broker_order_id,
        fill_id=row.fill_id,
        listing=row.listing or order.listing,
        side=row.side,
        product=row.product or order.request.product,
        quantity=row.quantity,
        price=row.price,
        filled_at=row.filled_at,
    )
