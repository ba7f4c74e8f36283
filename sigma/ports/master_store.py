"""What refreshing instrument masters needs of the market database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from sigma.domain.instruments import MasterReport
from sigma.domain.masters import Override, Quarantined, RowKey
from sigma.ports.masters import MasterSnapshot, MasterState, MasterVersion

if TYPE_CHECKING:
    import polars as pl


class MasterStore(Protocol):
    """Masters in bulk, as frames; quarantine, overrides and names of the past."""

    def publish_master(self, version: MasterVersion, report: MasterReport, at: datetime) -> int:
        """Publish a merged master (report.version is ignored) and return the number of the publication.

        Readers see the old version whole until they see the new one whole, whenever the process dies.
        """

    def note_unchanged(self, report: MasterReport, at: datetime) -> int:
        """Record a refresh that found nothing new: it is as of the publication that there is; return its number."""

    def master_state(self, source: str) -> MasterState | None:
        """Return what was published last of a source, None when nothing was."""

    def master_snapshot(self, source: str, since: date | None) -> MasterSnapshot:
        """Return what is published, for a merge of this source; of contracts those that expire on `since` or later."""

    def override_frame(self, source: str) -> pl.DataFrame:
        """Return what people said rows of a source are (columns OVERRIDE)."""

    def quarantine(self, source: str | None = None, *, present: bool = True) -> Sequence[Quarantined]:
        """Return the rows set aside, newest first; with `present` only those that the newest files still have."""

    def count_quarantined(self) -> int:
        """Return how many rows of the newest files are set aside."""

    def overrides(self, source: str | None = None) -> Sequence[Override]:
        """Return what people said rows are, newest first."""

    def put_override(self, override: Override) -> None:
        """Store what a person said a row is; what was said of the same row before is replaced."""

    def drop_override(self, key: RowKey) -> bool:
        """Forget what was said of a row; False when nothing was."""

    def listing_by_token_on(self, broker: str, exchange_code: str, token: str, on: date) -> str | None:
        """Return the listing that a broker's token stood for on an Indian trading date, None when that is not known."""

    def former_isins(self, listing: str) -> Sequence[tuple[str, date]]:
        """Return the ISINs that a listing had, each with the day on which another one took its place, newest first."""
