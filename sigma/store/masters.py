"""The instrument tables as those who refresh them see them: whole masters, quarantine, overrides, names of the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, desc, func, select

from sigma.domain.instruments import BrokerInstrument, Listing, MasterReport
from sigma.domain.masters import Override, Quarantined, RowKey
from sigma.ports.masters import MasterSnapshot, MasterState, MasterVersion
from sigma.store.database import Database
from sigma.store.market_schema import (
    broker_instruments,
    former_isins,
    former_names,
    master_states,
    overrides,
    quarantine,
)
from sigma.store.pieces import PUBLISHED, add_refresh, visible
from sigma.store.statements import putting

if TYPE_CHECKING:
    import polars as pl

_ROW = ("source", "exchange_code", "symbol", "token")


def _key(row: Row[Any]) -> RowKey:
    return RowKey(row.source, row.exchange_code, row.symbol, row.token)


def _values(key: RowKey) -> dict[str, str]:
    return {name: getattr(key, name) for name in _ROW}


class SqlMasterStore:
    """Implements ports.master_store.MasterStore. What handles frames is loaded with the first use: few processes need it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def publish_master(self, version: MasterVersion, report: MasterReport, at: datetime) -> int:
        """Publish a merged master (report.version is ignored) and return the number of the publication."""
        from sigma.store.publish import Publisher

        return Publisher(self.database).publish(version, report, at)

    def replace_master(
        self,
        broker: str,
        listings: Sequence[Listing],
        instruments: Sequence[BrokerInstrument],
        report: MasterReport,
        at: datetime,
    ) -> int:
        """Publish a new version of a broker's master (`report.version` is ignored) and return its number.

        Listings are merged into the common table (an ISIN once known is kept); `instruments` replace the broker's.
        """
        from sigma.engines.instruments import QUARANTINE, SWAP, frames_of, nothing

        state = MasterState("", "")
        version = MasterVersion(broker, *frames_of(listings, instruments), nothing(SWAP), nothing(QUARANTINE), state)
        return self.publish_master(version, report, at)

    def note_unchanged(self, report: MasterReport, at: datetime) -> int:
        """Record a refresh that found nothing new: it is as of the publication that there is; return its number."""
        with self.database.write() as link:
            version: int = link.connection.execute(PUBLISHED).scalar_one()
            add_refresh(link, report, at, version)
        return version

    def master_state(self, source: str) -> MasterState | None:
        """Return what was published last of a source, None when nothing was."""
        with self.database.read() as link:
            row = link.first(select(master_states).where(master_states.c.source == source))
        return None if row is None else MasterState(row.content, row.basis)

    def master_snapshot(self, source: str, since: date | None) -> MasterSnapshot:
        """Return what is published, for a merge of this source; of contracts those that expire on `since` or later."""
        from sigma.store.master_frames import read_snapshot

        with self.database.read() as link:
            return read_snapshot(link, source, since)

    def override_frame(self, source: str) -> pl.DataFrame:
        """Return what people said rows of a source are (columns OVERRIDE)."""
        from sigma.store import master_frames

        with self.database.read() as link:
            return master_frames.read_overrides(link, source)

    def quarantine(self, source: str | None = None, *, present: bool = True) -> Sequence[Quarantined]:
        """Return the rows set aside, newest first; with `present` only those that the newest files still have."""
        query = select(quarantine).order_by(desc(quarantine.c.first_seen), quarantine.c.id)
        if source is not None:
            query = query.where(quarantine.c.source == source)
        if present:
            query = query.where(quarantine.c.present)
        with self.database.read() as link:
            rows = link.all(query)
        return [
            Quarantined(
                key=_key(row),
                exchange=row.exchange,
                name=row.name,
                reason=row.reason,
                says=row.says,
                elsewhere=row.elsewhere,
                first_seen=row.first_seen,
                last_seen=row.last_seen,
                present=row.present,
            )
            for row in rows
        ]

    def count_quarantined(self) -> int:
        """Return how many rows of the newest files are set aside."""
        with self.database.read() as link:
            count: int = link.connection.execute(select(func.count()).where(quarantine.c.present)).scalar_one()
        return count

    def overrides(self, source: str | None = None) -> Sequence[Override]:
        """Return what people said rows are, newest first."""
        query = select(overrides).order_by(desc(overrides.c.id))
        if source is not None:
            query = query.where(overrides.c.source == source)
        with self.database.read() as link:
            return [Override(_key(row), row.listing, row.note, row.by, row.at) for row in link.all(query)]

    def put_override(self, override: Override) -> None:
        """Store what a person said a row is; what was said of the same row before is replaced."""
        row = {"listing": override.listing, "note": override.note, "by": override.by, "at": override.at}
        with self.database.write() as link:
            link.write(putting(link.dialect, overrides, *_ROW), _values(override.key) | row)

    def drop_override(self, key: RowKey) -> bool:
        """Forget what was said of a row; False when nothing was."""
        that = [overrides.c[name] == value for name, value in _values(key).items()]
        with self.database.write() as link:
            return link.write(delete(overrides).where(*that)).rowcount > 0

    def listing_by_token_on(self, broker: str, exchange_code: str, token: str, on: date) -> str | None:
        """Return the listing that a broker's token stood for on an Indian trading date, None when that is not known.

        A token without an end (a share's) is taken to have stood for the same before it was first seen.
        """
        now, past = broker_instruments.c, former_names.c
        that = (now.broker == broker, now.exchange_code == exchange_code, now.token == token)
        then = (past.broker == broker, past.exchange_code == exchange_code, past.token == token)
        with self.database.read() as link:
            current = link.all(select(now.listing, now.valid_from, now.valid_to).where(visible(broker_instruments), *that))
            former = link.all(
                select(past.listing).where(*then, past.valid_from <= on, past.valid_to >= on).order_by(desc(past.valid_from))
            )
        valid = [row for row in current if _from(row) <= on <= (row.valid_to or date.max)]
        endless = [row for row in current if row.valid_to is None]
        return next((row.listing for row in (*valid, *former, *endless)), None)

    def former_isins(self, listing: str) -> Sequence[tuple[str, date]]:
        """Return the ISINs that a listing had, each with the day on which another one took its place, newest first."""
        query = select(former_isins.c.isin, former_isins.c.valid_to).where(former_isins.c.listing == listing)
        with self.database.read() as link:
            return [(row.isin, row.valid_to) for row in link.all(query.order_by(desc(former_isins.c.id)))]


def _from(row: Row[Any]) -> date:
    return row.valid_from or date.min
