"""Filling the instrument table: masters downloaded or given as files, merged and published; ISINs learned from holdings."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerError, ConfigError, Conflict, NotFound
from sigma.domain.events import Level
from sigma.domain.instruments import MasterReport
from sigma.domain.portfolio import Holding
from sigma.domain.times import ist_date, next_ist
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.ports.masters import MasterFile, MasterVersion, Sources
from sigma.ports.storage import Store
from sigma.services.accounts import find_account
from sigma.services.catalogue import Catalogue
from sigma.services.connections import Connections
from sigma.services.events import EventsService
from sigma.services.listings import ListingLookup
from sigma.services.owner import require_owner
from sigma.services.settings import SettingsService

MOST_TOLD = 10


class InstrumentsService(Catalogue):
    """The catalogue, and what fills it: brokers' masters, exchanges' lists, and the ISINs that holdings teach.

    Parameters
    ----------
    sources : mapping by name
        Masters and lists that need no account.
    reachable : collection of str
        Those of them that may be downloaded unattended.
    """

    def __init__(
        self,
        store: Store,
        market: MarketStore,
        clock: Clock,
        connections: Connections,
        settings: SettingsService,
        events: EventsService,
        lookup: ListingLookup,
        sources: Sources | None = None,
        reachable: Iterable[str] = (),
    ) -> None:
        super().__init__(market, clock, settings, lookup)
        self._store = store
        self._connections = connections
        self._events = events
        self._sources = sources or {}
        self._reachable = frozenset(reachable)
        self._refreshing: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._conflicts: set[tuple[str, str]] = set()
        self._tried: dict[str, datetime] = {}

    @property
    def _brokers(self) -> tuple[str, ...]:
        """Names of the brokers that have an instrument table of their own."""
        kits = self._connections
        return tuple(name for name in kits.brokers if not kits.kit(name).capabilities.simulated)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of everything that can be refreshed or loaded: brokers, and what needs no account."""
        return tuple(sorted({*self._brokers, *self._sources}))

    def refresh(self, user_id: int, name: str | int, *, force: bool = False) -> MasterReport:
        """Download the master of a broker (or of an account's broker), or another source's, and publish it as a new version.

        A failed, empty or shrunken download keeps the old version: `kept_old` of the report says why. A download with the
        same rows as the last one publishes nothing and counts as a refresh (`unchanged`).

        Parameters
        ----------
        force : bool
            Publish a download that is much smaller than the last one, or the same: it really is.

        Raises
        ------
        NotFound
            There is no such source or account.
        BrokerError
            The download failed and there is no older version to keep.
        """
        if name in self._sources:
            source = str(name)
            return self._refresh(user_id, source, lambda: self._list(source), force)
        with self._store.read() as tx:
            if name in self._brokers:
                broker, accounts = str(name), [row for row in tx.accounts.list(user_id) if row.broker == name]
            else:
                account = find_account(tx, name, user_id)
                broker, accounts = account.broker, [account]
        return self._refresh(user_id, broker, lambda: self._downloaded(broker, accounts), force)

    def refresh_all(self, user_id: int) -> tuple[MasterReport, ...]:
        """Download the masters of all brokers that the user has accounts at; one that fails stops no other.

        Raises
        ------
        ConfigError
            The user has no account.
        """
        with self._store.read() as tx:
            accounts = [row for row in tx.accounts.list(user_id) if not row.simulated]
        if not accounts:
            raise ConfigError("There is no account whose broker could give an instrument table.", hint="`sigma accounts add`.")
        reports = []
        for broker in sorted({account.broker for account in accounts}):
            mine = [account for account in accounts if account.broker == broker]
            reports.append(self._tried_to(user_id, broker, mine))
        return tuple(reports)

    def load(self, user_id: int, source: str, data: bytes, *, force: bool = False) -> MasterReport:
        """Publish a file that a person gives instead of a download; else as `refresh`.

        Raises
        ------
        NotFound
            There is no such source.
        BrokerError
            The file is none of this source's, and there is no older version to keep.
        Denied
            The user is not the owner: the table is everybody's.
        """
        with self._store.read() as tx:
            require_owner(tx, user_id, "The instrument table")
        if source in self._sources:
            return self._refresh(user_id, source, lambda: self._sources[source].read(data), force)
        if source not in self._brokers:
            raise NotFound(f"There is no source {source!r}.", hint=f"Sources: {', '.join(self.sources)}.")
        return self._refresh(user_id, source, lambda: self._connections.kit(source).read_master(data), force)

    def due(self) -> tuple[str, ...]:
        """Return the sources not refreshed since the last ``instruments.refresh_at`` (IST): brokers of accounts, then lists.

        One that was given out and not refreshed since is given out again after ``instruments.retry_after``.
        """
        now = self._clock.now()
        since = next_ist(now, time.fromisoformat(str(self._settings.get("instruments.refresh_at")))) - timedelta(days=1)
        patience = timedelta(seconds=self._settings.seconds("instruments.retry_after"))
        wanted = {name.strip() for name in str(self._settings.get("instruments.lists")).split(",")}
        lists = sorted(name for name in self._reachable if wanted & {name, "all"})
        found = []
        for source in [*sorted({row.broker for row in self._accounts() if not row.simulated}), *lists]:
            version, tried = self._market.master_version(source), self._tried.get(source)
            waits = tried is not None and now - tried < patience and (version is None or version[1] < tried)
            if (version is None or version[1] < since) and not waits:
                self._tried[source] = now
                found.append(source)
        return tuple(found)

    def refresh_unattended(self, sources: Sequence[str]) -> tuple[MasterReport, ...]:
        """Download the masters of these sources with the accounts of all users; one that fails stops no other."""
        accounts = self._accounts()
        return tuple(self._tried_to(None, name, [row for row in accounts if row.broker == name]) for name in sources)

    def _accounts(self) -> Sequence[Account]:
        with self._store.read() as tx:
            return tx.accounts.list()

    def age(self) -> timedelta | None:
        """Return how old the newest broker's master is, None when there is none. Lists make no old table younger."""
        at = self._lookup.cache.get("masters_at", self._masters_at)
        return None if at is None else self._clock.now() - at

    def _masters_at(self) -> datetime | None:
        versions = (self._market.master_version(broker) for broker in self._brokers)
        return max((version[1] for version in versions if version is not None), default=None)

    def reports(self) -> tuple[MasterReport, ...]:
        """Return the report of the last refresh of each source that ever had one."""
        found = (self._market.last_report(source) for source in self.sources)
        return tuple(report for report in found if report is not None)

    def title(self, source: str) -> str:
        """Return what people call a source."""
        return self._sources[source].title if source in self._sources else self._connections.kit(source).capabilities.title

    def refreshed(self, source: str) -> tuple[MasterReport | None, datetime | None]:
        """Return the report of a source's last refresh, and when what is in force was downloaded or given (UTC)."""
        version = self._market.master_version(source)
        return self._market.last_report(source), None if version is None else version[1]

    def set_aside(self) -> int:
        """Return how many rows of the newest masters are quarantined."""
        return self._market.count_quarantined()

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

    def _tried_to(self, user_id: int | None, source: str, accounts: Sequence[Account]) -> MasterReport:
        """Refresh a source; a first download that fails is a report too."""
        listed = source in self._sources
        fetch = (lambda: self._list(source)) if listed else (lambda: self._downloaded(source, accounts))
        try:
            return self._refresh(user_id, source, fetch, force=False)
        except BrokerError as error:
            return MasterReport(source, 0, 0, 0, 0, 0, (), (), 0.0, f"nothing was ever downloaded: {error.message}")

    def _list(self, source: str) -> MasterFile:
        context = self._connections.context(source)
        if not (self._sources[source].urls or context.master_url):
            raise ConfigError(
                f"{self._sources[source].title} has no public address.",
                hint=f"Save it from the exchange's site, then `sigma instruments load {source} FILE`.",
            )
        return self._sources[source].download(context)

    def _downloaded(self, broker: str, accounts: Sequence[Account]) -> MasterFile:
        """Download with the first account that is logged in, else with the first there is, else with none."""
        now = self._clock.now()
        choices = [(row, self._connections.session(row.id)) for row in accounts]
        choices.sort(key=lambda choice: choice[1] is None or choice[1].expired(now))
        account, session = choices[0] if choices else (None, None)
        credentials = self._connections.credentials(account.id) if account is not None else {}
        session = None if session is None or session.expired(now) else session
        return self._connections.kit(broker).master(credentials, session, self._connections.context(broker))

    def _refresh(self, user_id: int | None, source: str, fetch: Callable[[], MasterFile], force: bool) -> MasterReport:
        with self._guard:
            lock = self._refreshing.setdefault(source, threading.Lock())
        with lock:
            began = self._clock.boot_ns()
            last = self._market.last_report(source)
            try:
                file = fetch()
            except BrokerError as error:
                report = self._kept(user_id, source, last, began, f"the download failed: {error.message}", ())
                if report.version:
                    return report
                raise
            return self._taken(user_id, source, file, last, began, force)

    def _taken(
        self, user_id: int | None, source: str, file: MasterFile, last: MasterReport | None, began: int, force: bool
    ) -> MasterReport:
        from sigma.services.master_merge import MasterMerge  # what handles frames is loaded with the first use

        names = source not in self._sources or self._sources[source].names
        work = MasterMerge(self._market, source, file, names=names)
        if work.unchanged and not force and last is not None and self._market.master_version(source) is not None:
            return self._unchanged(user_id, source, last, file, began)
        work.merge(ist_date(self._clock.now()))
        reason = work.shrunken(last)
        if reason and not (force and work.rows):
            return self._kept(user_id, source, last, began, reason, file.bad)
        difference = work.difference
        report = MasterReport(
            broker=source,
            version=0,
            rows=work.rows,
            added=difference.added,
            gone=difference.gone,
            changed=difference.changed,
            ambiguous=work.ambiguous,
            bad=file.bad,
            seconds=self._seconds_since(began),
        )
        return self._published(user_id, work.version(), report, began)

    def _published(self, user_id: int | None, version: MasterVersion, report: MasterReport, began: int) -> MasterReport:
        number = self._market.publish_master(version, report, self._clock.now())
        self._lookup.cache.clear()
        report = dataclasses.replace(report, version=number, seconds=self._seconds_since(began))
        text = (
            f"Instrument table of {report.broker}: {report.rows} listings, {report.added} added, {report.gone} gone, "
            f"{report.changed} changed, {len(report.ambiguous)} ambiguous, {len(report.bad)} unreadable."
        )
        self._events.record("INSTRUMENTS_REFRESHED", text, user_id=user_id, broker=report.broker, version=number)
        if version.isins.height:
            told = [f"{text} {was} -> {isin}" for text, isin, was in version.isins.head(MOST_TOLD).iter_rows()]
            more = f" and {version.isins.height - MOST_TOLD} more" if version.isins.height > MOST_TOLD else ""
            self._events.record("ISIN_CHANGED", f"New ISINs by {report.broker}: {'; '.join(told)}{more}.", user_id=user_id)
        return report

    def _unchanged(self, user_id: int | None, source: str, last: MasterReport, file: MasterFile, began: int) -> MasterReport:
        old = dataclasses.replace(last, added=0, gone=0, changed=0, bad=file.bad, kept_old="", unchanged=True)
        report = dataclasses.replace(old, seconds=self._seconds_since(began))
        version = self._market.note_unchanged(report, self._clock.now())
        self._lookup.cache.clear()
        report = dataclasses.replace(report, version=version)
        text = f"Instrument table of {source}: {report.rows} listings, nothing new."
        self._events.record("INSTRUMENTS_REFRESHED", text, user_id=user_id, broker=source, version=version)
        return report

    def _kept(
        self, user_id: int | None, source: str, last: MasterReport | None, began: int, reason: str, bad: tuple[str, ...]
    ) -> MasterReport:
        version = self._market.master_version(source)
        number, rows = (version[0], last.rows) if version and last else (0, 0)
        ambiguous = last.ambiguous if number and last else ()
        report = MasterReport(source, number, rows, 0, 0, 0, ambiguous, bad, self._seconds_since(began), reason)
        self._market.note_refresh(report, self._clock.now())
        kept = f"the old table of {rows} listings stays" if number else "there is no older table"
        text = f"Instrument table of {source} was not replaced: {reason}; {kept}."
        self._events.record("INSTRUMENTS_KEPT_OLD", text, level=Level.WARNING, user_id=user_id, broker=source, version=number)
        return report

    def _seconds_since(self, began: int) -> float:
        return round((self._clock.boot_ns() - began) / 1e9, 3)
