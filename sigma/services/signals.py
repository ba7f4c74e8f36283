"""Signals: who sent a message, what it asks for, and its order in the queue, stored in one transaction.

The secret of a user's webhook is generated with 256 bits, shown once, and stored as ``sha256:`` and a digest over a fixed
prefix and the secret. A slow hash would only help short secrets that a person chose; those guard nothing here anyway, since
every message is checked against them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sigma.domain.errors import Denied, InvalidInput, NotFound
from sigma.domain.events import Event, Level
from sigma.domain.instruments import Listing
from sigma.domain.orders import Order, OrderMode, OrderRequest, Source
from sigma.domain.signals import ParsedSignal, Receipt, Signal, SignalStatus
from sigma.domain.strategies import ShareState, SignalShare, Strategy
from sigma.engines.signal_shares import Part, Plan, plan, together, usual_of
from sigma.engines.signal_text import canonical, read_body, redact, scrub
from sigma.engines.signals import DedupeKey, dedupe_key, fired_at, is_test, lateness, order_id_of, parse
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.orders.house import SettingValues
from sigma.services.orders.submit import queue_order
from sigma.services.roster import Roster

PREFIX = "sgw_"
HASH_DOMAIN = b"sigma webhook secret\x00"
SHORTEST_REDACTED = 6
MOST_LOST = 50
CACHE_NS = 1_000_000_000
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
Message = Mapping[str, Any] | str | bytes
TEST_ANSWER = Receipt(0, "ok", (), "The secret is right; a test stores nothing.")


class ResolvesListings(Protocol):
    """The instrument table, as far as signals need it."""

    def resolve(self, text: str) -> Listing:
        """Return the listing that `text` means or raise NotFound."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be stored.

    Parameters
    ----------
    raw : str
        The scrubbed payload as canonical JSON.
    since : datetime or None
        An equal message received at or after this makes it a duplicate; None when duplicates are allowed.
    strategy : Strategy or None
        The one that it names, as far as there is one.
    plan : Plan
        What it comes to on which account.
    stale_reason : str
        Why its orders ask again at approval, empty otherwise.
    """

    user_id: int
    received_at: datetime
    signal: ParsedSignal
    listing: Listing
    plan: Plan
    raw: str
    key: DedupeKey
    since: datetime | None
    strategy: Strategy | None = None
    stale_reason: str = ""
    correlation_id: str = ""


def secret_hash(secret: str) -> str:
    """Return what is stored of a webhook secret."""
    return "sha256:" + hashlib.sha256(HASH_DOMAIN + secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_of(payload: Mapping[str, Any], header: str | None = None) -> str | None:
    """Return the secret that a message shows: from the header, else `secret`, else `meta.secret`."""
    meta = payload.get("meta")
    for candidate in (header, payload.get("secret"), meta.get("secret") if isinstance(meta, Mapping) else None):
        if isinstance(candidate, str) and candidate:
            return candidate
    return None


class SignalsService:
    """The intake. `prepare` needs no transaction and `commit` no I/O, so that many messages share one commit."""

    def __init__(self, store: Store, instruments: ResolvesListings, settings: SettingValues, clock: Clock) -> None:
        self._store = store
        self._instruments = instruments
        self._settings = settings
        self._clock = clock
        self._hashes: tuple[int, Mapping[int, str]] | None = None
        self.roster = Roster(store, clock)

    # -- secrets

    def set_secret(self, user_id: int, secret: str) -> None:
        """Store the hash of a user's new webhook secret; the old one stops working (elsewhere within a second).

        Raises
        ------
        InvalidInput
            It is empty, has spaces around it, or another user has it.
        """
        if not secret or secret != secret.strip() or not secret.isprintable():
            raise InvalidInput("A webhook secret is a text without spaces around it.", hint="Leave it out and one is made.")
        digest = secret_hash(secret)
        if self._known_hashes().get(user_id) == digest:
            return
        with self._store.begin() as tx:
            known = tx.users.webhook_hashes()
            if any(owner != user_id and hmac.compare_digest(digest, other) for owner, other in known.items()):
                raise InvalidInput("This webhook secret cannot be used.", hint="Leave it out and one is made.")
            tx.users.set_webhook_hash(user_id, digest)
            text = "the webhook secret was changed"
            tx.journal.add_event(Event(0, self._clock.now(), Level.INFO, "WEBHOOK_SECRET", text, user_id))
        self._hashes = None

    def has_secret(self, user_id: int) -> bool:
        """Say whether the user has a webhook secret."""
        with self._store.read() as tx:
            return tx.users.webhook_hash(user_id) is not None

    def rotate_secret(self, user_id: int) -> str:
        """Make a new webhook secret and return it, the only time that it can be seen."""
        secret = PREFIX + secrets.token_urlsafe(32)
        self.set_secret(user_id, secret)
        return secret

    def identify(self, secret: str | None) -> int:
        """Return whose webhook secret this is, in a time that does not depend on how much of it is right.

        Raises
        ------
        Denied
            It is missing or nobody's.
        """
        found: int | None = None
        digest = secret_hash(secret or "")
        for user_id, known in self._known_hashes().items():
            if hmac.compare_digest(digest, known):
                found = user_id
        if not secret:
            hint = "Send it in the header X-SIGMATRADER-SECRET or as `secret` in the message."
            raise Denied("The webhook secret is missing.", hint=hint)
        if found is None:
            raise Denied("The webhook secret is wrong.", hint="Copy it anew into the alert, or make a new one.")
        return found

    def _known_hashes(self) -> Mapping[int, str]:
        now = self._clock.boot_ns()
        if self._hashes is None or now - self._hashes[0] > CACHE_NS:
            with self._store.read() as tx:
                self._hashes = (now, dict(tx.users.webhook_hashes()))
        return self._hashes[1]

    # -- messages

    def read(self, body: bytes, content_type: str = "") -> Mapping[str, Any]:
        """Return the message that a request's body holds; InvalidInput (code ``MALFORMED``) when it is none."""
        return read_body(body, content_type)

    def prepare(self, payload: Mapping[str, Any], user_id: int, *, secret: str = "", correlation_id: str = "") -> Prepared:
        """Return what `payload` asks for, without storing anything.

        Parameters
        ----------
        secret : str
            The secret that came with it, taken out wherever it occurs.

        Raises
        ------
        InvalidInput, InvalidOrder
            The message means nothing that could be an order; an unknown symbol has the code ``UNKNOWN_SYMBOL``.
        """
        now = self._clock.now()
        clean = redact(payload, secret if len(secret) >= SHORTEST_REDACTED else "")
        default = str(self._settings.get("instruments.default_exchange", user_id))
        roster = self.roster
        signal = parse(clean, default_exchange=default, now=now, usual=lambda name: usual_of(roster.strategy(user_id, name)))
        strategy = roster.strategy(user_id, signal.strategy)
        listing = self._resolve(signal.listing)
        raw = canonical(scrub(clean))
        key = dedupe_key(signal, listing.text, raw)
        max_age = timedelta(seconds=float(self._settings.get("signals.max_age")))
        return Prepared(
            user_id=user_id,
            received_at=now,
            signal=signal,
            listing=listing,
            plan=plan(signal, listing, strategy, roster.accounts()),
            raw=raw,
            key=key,
            since=self._since(key, now),
            strategy=strategy,
            stale_reason=lateness(fired_at(signal.bar_time, signal.interval, now), now, max_age),
            correlation_id=correlation_id,
        )

    def _resolve(self, text: str) -> Listing:
        try:
            return self._instruments.resolve(text)
        except (NotFound, InvalidInput) as error:
            raise InvalidInput(error.message, hint=error.hint, code="UNKNOWN_SYMBOL") from error

    def _since(self, key: DedupeKey, now: datetime) -> datetime | None:
        if key.explicit:
            return BEGINNING
        window = float(self._settings.get("signals.dedupe_window"))
        return now - timedelta(seconds=window) if window else None

    def commit(self, tx: Unit, batch: Sequence[Prepared]) -> list[Receipt]:
        """Store each message with its waiting orders in the caller's unit; equal messages within the batch are found too."""
        for user_id in sorted({prepared.user_id for prepared in batch}):
            tx.users.lock(user_id)
        return [self._store_one(tx, prepared) for prepared in batch]

    def _store_one(self, tx: Unit, prepared: Prepared) -> Receipt:
        first = self._first(tx, prepared)
        if first is not None:
            # The row of a duplicate has no key of its own: repeats do not prolong the window of the first.
            note = f"the same message as signal {first.id}"
            tx.signals.add(_signal(prepared, SignalStatus.DEDUPED, note, first_id=first.id))
            orders = tx.orders.list(user_id=prepared.user_id, signal_id=first.id, newest_first=False)
            return Receipt(first.id, "deduped", tuple(order.id for order in orders), note)
        status, note = _judged(prepared)
        stored = tx.signals.add(_signal(prepared, status, note))
        made = [self._store_part(tx, prepared, stored.id, part) for part in prepared.plan.parts]
        if prepared.plan.request is not None:
            made.append(self._queue(tx, prepared, stored.id, prepared.plan.request).id)
        return Receipt(stored.id, status.lower(), tuple(number for number in made if number is not None), note)

    def _store_part(self, tx: Unit, prepared: Prepared, signal_id: int, part: Part) -> int | None:
        """Store what a message comes to on one account, with its order; return the order's id."""
        order = None if part.request is None else self._queue(tx, prepared, signal_id, part.request, part.account_id)
        tx.shares.add(
            SignalShare(
                id=0,
                user_id=prepared.user_id,
                signal_id=signal_id,
                account_id=part.account_id,
                state=part.state,
                updated_at=prepared.received_at,
                quantity=order.request.quantity if order else None,
                order_id=order.id if order else None,
                note=part.note,
            )
        )
        return order.id if order else None

    def _queue(self, tx: Unit, prepared: Prepared, signal_id: int, request: OrderRequest, account_id: int | None = None) -> Order:
        """Store a waiting order: one that executes by itself where an AUTO strategy wants it on an account in time."""
        strategy, signal = prepared.strategy, prepared.signal
        key = prepared.key.text
        auto = strategy is not None and strategy.acts and account_id is not None
        return queue_order(
            tx,
            prepared.received_at,
            user_id=prepared.user_id,
            request=request,
            listing=prepared.listing,
            source=Source.WEBHOOK,
            mode=OrderMode.AUTO if auto and not prepared.stale_reason else OrderMode.MANUAL,
            account_id=account_id,
            strategy=strategy.name if strategy else signal.strategy,
            signal_id=signal_id,
            external_id=signal.external_id or None,
            stale_reason=prepared.stale_reason,
            correlation_id=prepared.correlation_id,
            client_order_id=None if account_id is None else order_id_of(prepared.user_id, key, signal_id, account_id),
            reduce_only=signal.exits,
        )

    def _first(self, tx: Unit, prepared: Prepared) -> Signal | None:
        if prepared.since is None:
            return None
        return tx.signals.first_with_key(prepared.user_id, prepared.key.text, prepared.since)

    def admit(self, payload: Mapping[str, Any], secret: str | None, *, correlation_id: str = "") -> Prepared | Receipt:
        """Return the message prepared for `commit`, or its answer when nothing is to be stored. `secret` is the one it shows.

        Raises
        ------
        Denied, InvalidInput, InvalidOrder
            As `identify` and `prepare`.
        """
        user_id = self.identify(secret)
        if is_test(payload):
            return TEST_ANSWER
        return self.prepare(payload, user_id, secret=secret or "", correlation_id=correlation_id)

    def receive(self, payload: Message, secret: str | None = None, *, correlation_id: str = "") -> Receipt:
        """Take one message from beginning to end, as the webhook does; `secret` counts before one in the message.

        Raises
        ------
        Denied, InvalidInput, InvalidOrder
            Nothing was stored.
        """
        if isinstance(payload, str):
            payload = payload.encode("utf-8", "surrogatepass")
        message = payload if isinstance(payload, Mapping) else self.read(payload)
        admitted = self.admit(message, secret_of(message, secret), correlation_id=correlation_id)
        if isinstance(admitted, Receipt):
            return admitted
        with self._store.begin() as tx:
            return self.commit(tx, [admitted])[0]

    def receive_own(self, user_id: int, payload: Mapping[str, Any]) -> Receipt:
        """Take a message of somebody who is known already (the test button): from there on it is as the webhook's.

        Raises
        ------
        InvalidInput, InvalidOrder
            Nothing was stored.
        """
        prepared = self.prepare(payload, user_id)
        with self._store.begin() as tx:
            return self.commit(tx, [prepared])[0]

    def table(
        self, user_id: int, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = 200
    ) -> Sequence[Signal]:
        """Return a user's messages received at or after `since` and before `until`, newest first."""
        with self._store.read() as tx:
            return tx.signals.list(user_id, since=since, until=until, limit=limit)

    def get(self, user_id: int, signal_id: int) -> Signal:
        """Return one of a user's messages or raise NotFound."""
        with self._store.read() as tx:
            found = tx.signals.get(signal_id)
        if found.user_id != user_id:
            raise NotFound(f"There is no signal {signal_id}.")
        return found

    def shares(self, signal_ids: Sequence[int]) -> Mapping[int, Sequence[SignalShare]]:
        """Return what became of messages on accounts, by message; one without a part is absent."""
        with self._store.read() as tx:
            return tx.shares.of_signals(signal_ids)

    def lost(self, user_id: int, since: datetime) -> Sequence[tuple[Signal, SignalShare | None]]:
        """Return messages since then that made no order, or with the share each that failed on an account, newest first."""
        with self._store.read() as tx:
            accounts = [account.id for account in tx.accounts.list(user_id)]
            failed = tx.shares.failed(accounts, since, MOST_LOST)
            found = [(tx.signals.get(share.signal_id), share) for share in failed]
            told = {signal.id for signal, _ in found}
            marked = tx.signals.list(user_id, since=since, status=SignalStatus.MARKED, limit=MOST_LOST)
        whole = [(signal, None) for signal in marked if signal.id not in told]
        return sorted([*found, *whole], key=lambda one: one[0].id, reverse=True)


def _judged(prepared: Prepared) -> tuple[SignalStatus, str]:
    """Return what becomes of a message that is no duplicate, with what is to be said."""
    wanted = prepared.plan
    if wanted.marked:
        return SignalStatus.MARKED, wanted.marked
    if wanted.request is None and together([part.state for part in wanted.parts]):
        return SignalStatus.IGNORED, "; ".join(dict.fromkeys(part.note for part in wanted.parts))
    told = [part.note for part in wanted.parts if part.state is not ShareState.DONE]
    notes = (*prepared.signal.notes, *wanted.notes, *told, prepared.stale_reason)
    return SignalStatus.ACCEPTED, "; ".join(dict.fromkeys(filter(None, notes)))


def _signal(prepared: Prepared, status: SignalStatus, note: str, first_id: int | None = None) -> Signal:
    signal = prepared.signal
    return Signal(
        id=0,
        user_id=prepared.user_id,
        received_at=prepared.received_at,
        status=status,
        raw=prepared.raw,
        dedupe_key=prepared.key.text if first_id is None else "",
        listing=prepared.listing.text,
        side=signal.side,
        quantity=signal.quantity,
        strategy=prepared.strategy.name if prepared.strategy else signal.strategy,
        platform=signal.platform,
        bar_time=fired_at(signal.bar_time, signal.interval, prepared.received_at),
        external_id=signal.external_id,
        note=note,
        hints=signal.hints,
        first_id=first_id,
        correlation_id=prepared.correlation_id,
    )
