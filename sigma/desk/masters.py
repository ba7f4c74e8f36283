"""The part of `desk.instruments` that fills the instrument table: refreshing, loading files, settling what is unclear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, TEXT, THING, facts, frame
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import MasterReport
from sigma.domain.masters import Override, RowKey

if TYPE_CHECKING:
    from sigma.bootstrap import House

_ROW = {"source": TEXT, "exchange_code": TEXT, "symbol": TEXT, "token": TEXT}
QUARANTINE = _ROW | {
    "exchange": TEXT,
    "name": TEXT,
    "reason": TEXT,
    "says": TEXT,
    "elsewhere": TEXT,
    "first_seen": MOMENT,
    "last_seen": MOMENT,
    "present": FLAG,
}
OVERRIDES = _ROW | {"listing": TEXT, "note": TEXT, "by": TEXT, "at": MOMENT}
MASTERS = {
    "source": TEXT,
    "title": TEXT,
    "at": MOMENT,
    "version": MAYBE_WHOLE,
    "rows": MAYBE_WHOLE,
    "added": MAYBE_WHOLE,
    "gone": MAYBE_WHOLE,
    "changed": MAYBE_WHOLE,
    "ambiguous": THING,
    "bad": THING,
    "kept_old": TEXT,
    "unchanged": FLAG,
}


class MastersDesk:
    """Masters: where listings come from."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    @overload
    def refresh(self, broker: None = None, *, force: bool = False) -> tuple[MasterReport, ...]: ...
    @overload
    def refresh(self, broker: str, *, force: bool = False) -> MasterReport: ...
    def refresh(self, broker: str | None = None, *, force: bool = False) -> MasterReport | tuple[MasterReport, ...]:
        """Download the master of a broker (or of an account's broker, or of another of `sources`) and report.

        Without a name those of all brokers. A download that failed or looks truncated keeps the old table (`kept_old` says
        why); one with the same rows as the last publishes nothing (`unchanged`). `force` takes either.
        """
        if broker is None:
            return self._house.instruments.refresh_all(self._user_id)
        return self._house.instruments.refresh(self._user_id, broker, force=force)

    def load(self, source: str, file: str | Path | bytes, *, force: bool = False) -> MasterReport:
        """Take a saved file (its path or its bytes, plain or in gzip) of one of `sources` instead of a download."""
        data = file if isinstance(file, bytes) else _saved(Path(file).expanduser())
        return self._house.instruments.load(self._user_id, source, data, force=force)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what `refresh` and `load` take: brokers, and lists that need no account (fyers, nse, bse)."""
        return self._house.instruments.sources

    def masters(self) -> pd.DataFrame:
        """Return each of `sources` with the report of its last refresh, and when what is in force came; columns: MASTERS.

        `ambiguous` and `bad` are tuples of texts. The numbers of a source that never had a refresh are missing.
        """
        return frame(MASTERS, [self._master(source) for source in self.sources])

    def quarantine(self, source: str | None = None, *, present: bool = True) -> pd.DataFrame:
        """Return rows that contradict themselves or another source, newest first; columns: QUARANTINE.

        With `present` only those that the newest files still have.
        """
        rows = self._house.quarantine.table(source, present=present)
        return frame(QUARANTINE, [_row(QUARANTINE, row.key, row) for row in rows])

    def overrides(self, source: str | None = None) -> pd.DataFrame:
        """Return what people said rows are, newest first; columns: OVERRIDES (no listing: left out)."""
        return frame(OVERRIDES, [_row(OVERRIDES, row.key, row) for row in self._house.quarantine.overrides(source)])

    def settle(
        self,
        source: str,
        exchange_code: str,
        symbol: str,
        token: str,
        listing: str | None = None,
        *,
        leave_out: bool = False,
        note: str = "",
    ) -> Override:
        """Say which `listing` a row of a source is, or `leave_out` the row. It counts from the source's next refresh on."""
        if (listing is None) is not leave_out:
            raise InvalidInput("Say either which listing the row is, or that it is left out.")
        key = RowKey(source, exchange_code, symbol, token)
        return self._house.quarantine.settle(self._user_id, key, listing, note)

    def unsettle(self, source: str, exchange_code: str, symbol: str, token: str) -> None:
        """Take back what was said of a row."""
        self._house.quarantine.unsettle(self._user_id, RowKey(source, exchange_code, symbol, token))

    def _master(self, source: str) -> dict[str, object]:
        title = self._house.instruments.title(source)
        report, at = self._house.instruments.refreshed(source)
        if report is None:
            blank = dict.fromkeys(MASTERS) | {"ambiguous": (), "bad": (), "kept_old": "", "unchanged": False}
            return blank | {"source": source, "title": title, "at": at}
        return facts(MASTERS, report, source=source, title=title, at=at)


def _saved(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None


def _row(columns: dict[str, str], key: RowKey, row: object) -> dict[str, object]:
    return facts(columns, row, **{name: getattr(key, name) for name in _ROW})
