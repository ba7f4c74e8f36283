"""Filling the instrument table: masters downloaded broker by broker, ISINs learned from holdings."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Sequence

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerError, ConfigError, Conflict
from sigma.domain.events import Level
from sigma.domain.instruments import (
    BrokerInstrument,
    MasterReport,
    MasterRow,
    split_listing,
)
from sigma.domain.portfolio import Holding
from sigma.domain.times import ist_date
from sigma.engines import instruments as engine
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.ports.storage import Store
from sigma.services.accounts import find_account
from sigma.services.catalogue import Catalogue
from sigma.services.connections import Connections
from sigma.services.events import EventsService
from sigma.services.listings import ListingLookup
from sigma.services.settings import SettingsService


class InstrumentsService(Catalogue):
    """The catalogue, and what fills it: masters downloaded broker by broker, ISINs learned from holdings."""

    def __init__(
        self,
        store: Store,
        market: MarketStore,
        clock: Clock,
        connections: Connections,
        settings: SettingsService,
        events: EventsService,
        lookup: ListingLookup,
    ) -> None:
        super().__init__(market, clock, settings, lookup)
        self._store = store
        self._connections = connections
        self._events = events
        self._refreshing: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._conflicts: set[tuple[str, str]] = set()

    def refresh(self, user_id: int, name: str | int, *, force: bool = False) -> MasterReport:
        """Download the master of a broker (or of an account's broker) and publish it as a new version.

        A failed, empty or shrunken download keeps the old version: `kept_old` of the report says why.

        Parameters
        ----------
        force : bool
            Publish a download that is much smaller than the last one: it really is.

        Raises
        ------
        NotFound
            There is no such broker or account.
        BrokerError
            The download failed and there is no older version to keep.
        """
        with self._store.read() as tx:
            if name in self._connections.brokers:
                broker, accounts = str(name), [row for row in tx.accounts.list(user_id) if row.broker == name]
            else:
                account = find_account(tx, name, user_id)
                broker, accounts = account.broker, [account]
        return self._refresh(user_id, broker, accounts, force)

    def refresh_all(self, user_id: int) -> tuple[MasterReport, ...]:
        """Download the masters of all brokers that the user has accounts at; one that fails stops no other.

        Raises
        ------
        ConfigError
            The user has no account.
        """
        with self._store.read() as tx:
            accounts = tx.accounts.list(user_id)
        if not accounts:
            raise ConfigError("There is no account whose broker could give an instrument table.", hint="`sigma accounts add`.")
        reports = []
        for broker in sorted({account.broker for account in accounts}):
            mine = [account for account in accounts if account.broker == broker]
            try:
                reports.append(self._refresh(user_id, broker, mine, force=False))
            except BrokerError as error:
                reports.append(MasterReport(broker, 0, 0, 0, 0, 0, (), (), 0.0, f"nothing was ever downloaded: {error.message}"))
        return tuple(reports)

    def learn_isins(self, holdings: Sequence[Holding], user_id: int | None = None) -> int:
        """Store the ISINs that holdings teach and return how many were new. One that contradicts is an event."""
        learned = 0
        for held in holdings:
            known = self._lookup.listing(held.listing) if held.listing and held.isin else None
            if known is None or held.isin is None or known.isin == held.isin or (known.text, held.isin) in self._conflicts:
                continue
            try:
                learned += self._market.learn_isin(known.text, held.isin)
            except Conflict as error:
                self._conflicts.add((known.text, held.isin))
                self._events.record(
                    "ISIN_CONFLICT", error.message, level=Level.WARNING, user_id=user_id, listing=known.text, isin=held.isin
                )
        if learned:
            self._lookup.cache.clear()
        return learned

    def _refresh(self, user_id: int, broker: str, accounts: Sequence[Account], force: bool) -> MasterReport:
        with self._guard:
            lock = self._refreshing.setdefault(broker, threading.Lock())
        with lock:
            began = self._clock.boot_ns()
            before = self._market.broker_instruments(broker)
            try:
                rows, bad = self._downloaded(broker, accounts)
            except BrokerError as error:
                report = self._kept(user_id, broker, len(before), began, f"the download failed: {error.message}", ())
                if report.version:
                    return report
                raise
            today = ist_date(self._clock.now())
            named, refused = engine.canonical_names(rows)
            known = self._known(broker, (item.text for item in named), before)
            merged = engine.merge(named, refused, known, today)
            reason = engine.shrunken(before, merged.instruments, today)
            if reason and not (force and merged.instruments):
                return self._kept(user_id, broker, len(before), began, reason, bad)
            return self._published(user_id, broker, known, merged, bad, began)

    def _downloaded(self, broker: str, accounts: Sequence[Account]) -> tuple[list[MasterRow], tuple[str, ...]]:
        """Download with the first account that is logged in, else with the first there is, else with none."""
        now = self._clock.now()
        choices = [(row, self._connections.session(row.id)) for row in accounts]
        choices.sort(key=lambda choice: choice[1] is None or choice[1].expired(now))
        account, session = choices[0] if choices else (None, None)
        credentials = self._connections.credentials(account.id) if account is not None else {}
        session = None if session is None or session.expired(now) else session
        rows, bad = [], []
        for row in self._connections.kit(broker).master(credentials, session, self._connections.context(broker)):
            if isinstance(row, str):
                bad.append(row)
            else:
                rows.append(row)
        return rows, tuple(bad)

    def _known(self, broker: str, texts: Iterable[str], before: Sequence[BrokerInstrument]) -> engine.Known:
        """Return what the other brokers' masters and the common table hold about these listings."""
        tokens: dict[engine.TokenKey, str] = {}
        for other in self._connections.brokers:
            for item in self._market.broker_instruments(other) if other != broker else ():
                if item.exchange_token:
                    tokens.setdefault((split_listing(item.listing)[0], item.exchange_token), item.listing)
        listings = self._market.listings(sorted({*tokens.values(), *texts}))
        named = [listings[text] for text in tokens.values() if text in listings]
        isins = {(listing.exchange, listing.isin, listing.series): listing.text for listing in named if listing.isin}
        return engine.Known(tokens, isins, listings, before)

    def _published(
        self, user_id: int, broker: str, known: engine.Known, merged: engine.Merged, bad: tuple[str, ...], began: int
    ) -> MasterReport:
        difference = engine.compare(known, merged)
        report = MasterReport(
            broker=broker,
            version=0,
            rows=len(merged.instruments),
            added=difference.added,
            gone=difference.gone,
            changed=difference.changed,
            ambiguous=merged.ambiguous,
            bad=bad,
            seconds=self._seconds_since(began),
        )
        version = self._market.replace_master(broker, merged.listings, merged.instruments, report, self._clock.now())
        self._lookup.cache.clear()
        report = dataclasses.replace(report, version=version, seconds=self._seconds_since(began))
        text = (
            f"Instrument table of {broker}: {report.rows} listings, {report.added} added, {report.gone} gone, "
            f"{report.changed} changed, {len(report.ambiguous)} ambiguous, {len(report.bad)} unreadable."
        )
        self._events.record("INSTRUMENTS_REFRESHED", text, user_id=user_id, broker=broker, version=version)
        return report

    def _kept(self, user_id: int, broker: str, rows: int, began: int, reason: str, bad: tuple[str, ...]) -> MasterReport:
        last = self._market.master_version(broker)
        version = last[0] if last else 0
        report = MasterReport(broker, version, rows, 0, 0, 0, (), bad, self._seconds_since(began), reason)
        self._market.note_refresh(report, self._clock.now())
        kept = f"the old table of {rows} listings stays" if version else "there is no older table"
        text = f"Instrument table of {broker} was not replaced: {reason}; {kept}."
        self._events.record("INSTRUMENTS_KEPT_OLD", text, level=Level.WARNING, user_id=user_id, broker=broker, version=version)
        return report

    def _seconds_since(self, began: int) -> float:
        return round((self._clock.boot_ns() - began) / 1e9, 3)
