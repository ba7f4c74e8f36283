"""Converting positions: asked for by a person, sent once like any write, and settled from the positions when unanswered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sigma.domain.accounts import Account
from sigma.domain.answers import WriteAnswer
from sigma.domain.errors import Conflict, InvalidInput, InvalidOrder, NotFound
from sigma.domain.events import Event, Level
from sigma.domain.limits import CallKind
from sigma.domain.orders import Command, CommandKind, CommandState, Outcome, Product, Side, counts_as_exposure
from sigma.domain.portfolio import Conversion, Position, Rows, conversion_of
from sigma.domain.times import ist_date
from sigma.engines.conversion import Held, held_of, judge, moved_by, plan
from sigma.engines.settlement import Finding, Judgement, SettleRules
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.way import READ_PATIENCE_S, Claimed
from sigma.services.orders.writes import standing_obstacle
from sigma.services.turns import PATIENCE_S

BROKERS_SECOND = timedelta(seconds=1)
"""Brokers tell the times of executions in whole seconds."""
DONE = "CONVERTED"
"""The kind of event that tells of a conversion that happened."""


def words_of(conversion: Conversion) -> str:
    """Return a conversion as a person says it."""
    held = "long" if conversion.side is Side.BUY else "short"
    return f"{conversion.quantity} {conversion.listing} ({held}) from {conversion.old} to {conversion.new}"


class Conversions:
    """The use cases around conversions. A conversion is a Command without an order; what becomes of it is told by events."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house

    def request(
        self, account: str | int, listing: str, quantity: int, old: Product, new: Product, *, user_id: int, by: str = ""
    ) -> Command:
        """Commit the wish to convert units of an open position; the account's writer sends it.

        Raises
        ------
        InvalidOrder, Unsupported, Conflict
            There is no such position, not so much of it, it cannot have that product, or trading is paused.
        BrokerError
            The positions could not be read.
        """
        house = self._house
        with house.store.read() as tx:
            chosen = house.account(tx, account, user_id)
        rows = read_positions(house, chosen.id).rows
        with house.store.begin() as tx:
            chosen = tx.accounts.get(chosen.id)
            obstacle = standing_obstacle(tx, chosen)
            if obstacle:
                raise Conflict(f"Nothing is converted now: {obstacle}.")
            self._none_under_way(tx, chosen, listing)
            working = [order for order in tx.orders.list(account_id=chosen.id, listing=listing) if counts_as_exposure(order)]
            exits = [order for order in working if order.request.product is old]
            conversion = plan(listing, quantity, old, new, rows, exits, house.capabilities(chosen))
            wanted = Command(
                0, None, chosen.id, CommandKind.CONVERT, CommandState.PENDING, house.clock.now(), _payload(conversion)
            )
            command = tx.commands.add(wanted)
            who = f" by {by}" if by else ""
            _tell(house, tx, command, Level.INFO, "CONVERT_WANTED", f"Convert {words_of(conversion)}: wanted{who}.")
            return command

    def _none_under_way(self, tx: Unit, account: Account, listing: str) -> None:
        for other in (*tx.commands.pending(account.id), *tx.commands.open(account.id)):
            if other.kind is CommandKind.CONVERT and other.payload["listing"] == listing:
                text = f"A conversion of {listing} is under way ({other.state})."
                raise Conflict(text, hint="Wait until it is answered; one that nobody knows of is closed by a person.")

    def get(self, command_id: int, *, user_id: int) -> Command:
        """Return one of the user's conversions or raise NotFound."""
        with self._house.store.read() as tx:
            return self._own(tx, command_id, user_id)

    def under_way(self, account: str | int, *, user_id: int) -> Sequence[Command]:
        """Return the conversions of an account that wait, are being sent or are unknown, by id."""
        with self._house.store.read() as tx:
            chosen = self._house.account(tx, account, user_id).id
            commands = (*tx.commands.pending(chosen), *tx.commands.open(chosen))
        return sorted((one for one in commands if one.kind is CommandKind.CONVERT), key=lambda one: one.id)

    def resolve(self, command_id: int, *, happened: bool, reason: str, user_id: int) -> Command:
        """Say what became of a conversion of unknown outcome, with where that was seen.

        Raises
        ------
        Conflict
            Its outcome is not unknown.
        """
        if not reason.strip():
            raise InvalidInput("A reason is needed.", hint="Say where you saw what became of the conversion.")
        with self._house.store.begin() as tx:
            command = self._own(tx, command_id, user_id)
            if command.state is not CommandState.UNKNOWN:
                raise Conflict(f"Conversion {command_id} is {command.state}: only an unknown one is closed by hand.")
            return _close(self._house, tx, command, happened, f"a person: {reason.strip()}")

    def _own(self, tx: Unit, command_id: int, user_id: int) -> Command:
        command = tx.commands.get(command_id)
        if command.kind is not CommandKind.CONVERT or tx.accounts.get(command.account_id).user_id != user_id:
            raise NotFound(f"There is no conversion {command_id}.")
        return command

    def settle(self, account_id: int) -> int:
        """Read the positions while a conversion's outcome is unknown and judge it; return how many are still unknown.

        Raises
        ------
        BrokerError
            The positions could not be read; nothing was changed.
        """
        house = self._house
        with house.store.read() as tx:
            if not self._lost(tx, account_id):
                return 0
        asked_ns, rows = house.connected.read(account_id, CallKind.POSITIONS, self._timed, attempts=1)
        with house.store.begin() as tx:
            for command in self._lost(tx, account_id):
                self._judge(tx, command, rows.rows, asked_ns)
            return len(self._lost(tx, account_id))

    def _timed(self, broker: Broker) -> tuple[int, Rows[Position]]:
        asked_ns = self._house.clock.boot_ns()
        return asked_ns, broker.positions()

    def _lost(self, tx: Unit, account_id: int) -> list[Command]:
        """Return the conversions that reading may still settle: not those that only a person can close."""
        unknown = [one for one in tx.commands.open(account_id) if one.state is CommandState.UNKNOWN]
        mine = [one for one in unknown if one.kind is CommandKind.CONVERT and one.boot_id == self._house.clock.boot_id]
        return [one for one in mine if not one.look_alikes]

    def _judge(self, tx: Unit, command: Command, positions: Sequence[Position], asked_ns: int) -> None:
        house, conversion = self._house, conversion_of(command)
        old, _, new = (command.payload["before"] or "").partition(",")
        since = datetime.fromisoformat(command.payload["before_at"] or "") - BROKERS_SECOND
        known = int(command.payload["fills"] or 0)
        fills = [fill for fill in tx.orders.fills(account_id=command.account_id, since=since) if fill.id > known]
        moved = moved_by(conversion, fills)
        rules = SettleRules(
            house.seconds("orders.call_timeout"), house.seconds("orders.visibility_delay"), house.seconds("orders.absence_gap")
        )
        today = ist_date(house.clock.now())
        before, now = Held(int(old), int(new)), held_of(conversion, positions)
        found = judge(conversion, command, before, now, moved, asked_ns, rules, today)
        house.probe.reached("settling")
        self._conclude(tx, command, found)

    def _conclude(self, tx: Unit, command: Command, found: Judgement) -> None:
        if found.finding in (Finding.APPLIED, Finding.NOT_APPLIED):
            _close(self._house, tx, command, found.finding is Finding.APPLIED, found.reason)
        elif found.finding in (Finding.LOOK_ALIKE, Finding.DAY_OVER):
            tx.commands.save(replace(command, look_alikes=("person",), text=f"{command.text}; {found.reason}"))
            text = f"Convert {words_of(conversion_of(command))}: {found.reason}. Only a person can say what became of it."
            _tell(self._house, tx, command, Level.ALARM, "CONVERT_UNSETTLED", text)
        elif found.absent_reads != command.absent_reads:
            tx.commands.save(replace(command, absent_reads=found.absent_reads))


class ConversionWrites:
    """The Way of CONVERT (orders/way.py)."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house

    def before(self, command: Command) -> Mapping[str, str]:
        """Read what is held of both products: a conversion carries no tag and is told by the difference."""
        with self._house.store.read() as tx:
            newest = tx.orders.newest_fill(command.account_id)
        at = self._house.clock.now()
        held = held_of(conversion_of(command), read_positions(self._house, command.account_id, patience_s=READ_PATIENCE_S).rows)
        return {"before": f"{held.old},{held.new}", "before_at": at.isoformat(), "fills": str(newest)}

    def blocked(self, tx: Unit, command: Command) -> bool:
        """Say whether another conversion of this listing is claimed or unknown."""
        others = [one for one in tx.commands.open(command.account_id) if one.kind is CommandKind.CONVERT and one.id != command.id]
        return any(one.payload["listing"] == command.payload["listing"] for one in others)

    def obstacle(self, tx: Unit, command: Command, account: Account) -> str:
        """Say why it may not go any more: the account stands still, it waited too long, or the units are not held any more."""
        age = (self._house.clock.now() - command.created_at).total_seconds()
        if age > self._house.seconds("orders.approval_max_age"):
            return f"wanted {age:.0f} s ago and not sent"
        conversion = conversion_of(command)
        held, _, _ = (command.payload.get("before") or "0").partition(",")
        if int(held) * conversion.side.sign < conversion.quantity:
            return f"{held} are held in {conversion.old} now"
        return standing_obstacle(tx, account)

    def withdrawn(self, tx: Unit, command: Command, why: str) -> None:
        """Tell that it was not sent."""
        text = f"Convert {words_of(conversion_of(command))}: not sent, {why}."
        _tell(self._house, tx, command, Level.WARNING, "CONVERT_NOT_SENT", text)

    def claimed(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Return the claim; the command says everything."""
        return Claimed(command, account)

    def found(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Return a claim whose commit had lost its answer."""
        return Claimed(command, account)

    def call(self, broker: Broker, claimed: Claimed) -> WriteAnswer:
        """Make the one call."""
        return broker.convert(conversion_of(claimed.command), send_by_ns=claimed.command.send_by_ns)

    def answered(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Tell what the broker said."""
        done = answer.outcome is Outcome.ACCEPTED
        kind = DONE if done else f"CONVERT_{answer.outcome}"
        said = "done" if done else f"{answer.outcome.lower().replace('_', ' ')}: {answer.text}"
        text = f"Convert {words_of(conversion_of(command))}: {said.rstrip('.')}."
        _tell(self._house, tx, command, Level.INFO if done else Level.WARNING, kind, text)

    def late(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Tell what the broker said after it was settled; the positions stand."""
        text = f"Convert {words_of(conversion_of(command))}: answered {answer.outcome} when it was {command.state} already."
        _tell(self._house, tx, command, Level.WARNING, "CONVERT_LATE_ANSWER", text)

    def lost(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Tell that nobody knows; the positions will show it."""
        text = f"Convert {words_of(conversion_of(command))}: no clear answer ({answer.text.rstrip('.')}); the positions are read."
        _tell(self._house, tx, command, Level.WARNING, "CONVERT_UNKNOWN", text)


def read_positions(house: OrderHouse, account_id: int, *, patience_s: float = PATIENCE_S) -> Rows[Position]:
    """Return the account's positions, read now.

    Raises
    ------
    BrokerError
        They cannot be read.
    InvalidOrder
        Not all of them can be understood.
    """
    ask = house.connected.read
    rows = ask(account_id, CallKind.POSITIONS, lambda broker: broker.positions(), attempts=1, patience_s=patience_s)
    if rows.bad:
        hint = "Convert at the broker."
        raise InvalidOrder(f"The positions cannot be relied on: {rows.bad[0]}", hint=hint)
    return rows


def _payload(conversion: Conversion) -> dict[str, str]:
    return {
        "listing": conversion.listing,
        "side": conversion.side.value,
        "quantity": str(conversion.quantity),
        "old": conversion.old.value,
        "new": conversion.new.value,
        "overnight": "yes" if conversion.overnight else "no",
    }


def _close(house: OrderHouse, tx: Unit, command: Command, happened: bool, why: str) -> Command:
    state = CommandState.ANSWERED if happened else CommandState.REFUSED
    text = f"{command.text}; settled: {why}" if command.text else why
    closed = tx.commands.save(replace(command, state=state, answered_at=house.clock.now(), text=text))
    said = "done" if happened else "did not happen"
    kind = DONE if happened else "CONVERT_NOT_DONE"
    told = f"Convert {words_of(conversion_of(command))}: {said} ({why.rstrip('.')})."
    _tell(house, tx, closed, Level.INFO if happened else Level.WARNING, kind, told)
    return closed


def _tell(house: OrderHouse, tx: Unit, command: Command, level: Level, kind: str, text: str) -> None:
    account = tx.accounts.get(command.account_id)
    tx.journal.add_event(Event(0, house.clock.now(), level, kind, text, account.user_id, account.id, {"command": command.id}))
