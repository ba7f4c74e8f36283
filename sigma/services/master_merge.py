"""One refresh of one source between its file and the store: is it new, what becomes of it, does it look whole."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import cast

import polars as pl

from sigma.domain.instruments import MasterReport
from sigma.engines import instruments as engine
from sigma.engines.master_frame import digest
from sigma.ports.master_store import MasterStore
from sigma.ports.masters import MasterFile, MasterSnapshot, MasterState, MasterVersion


class MasterMerge:
    """A file on its way to be published.

    Parameters
    ----------
    names : bool
        Whether the source's symbols and tokens name listings; an exchange's list only says more of those known.
    """

    def __init__(self, market: MasterStore, source: str, file: MasterFile, *, names: bool) -> None:
        self._market, self._source, self._file, self._names = market, source, file, names
        self._overrides = market.override_frame(source)
        basis = f"{engine.FORMAT} {names} {sorted(file.covers)} {digest(self._overrides)}"
        self._state = MasterState(digest(file.rows), basis)
        self._known, self._merged = engine.Known(), engine.Merged.empty()
        self._elsewhere = self._known.previous
        self._snapshot: MasterSnapshot | None = None

    @property
    def unchanged(self) -> bool:
        """Whether the very same was published last. Prices are not among the rows and make no difference."""
        return self._market.master_state(self._source) == self._state

    def merge(self, today: date) -> None:
        """Join the rows with what is known; `today` is the Indian date from which new names are valid."""
        rows, covers = self._file.rows, self._file.covers
        self._snapshot = self._market.master_snapshot(self._source, cast("date | None", rows["expiry"].min()))
        previous, inside = self._snapshot.names.drop("id"), pl.lit(value=True)
        if covers:
            inside = pl.col("exchange").is_in(list(covers))
        self._elsewhere = previous.filter(inside.not_())
        self._known = engine.Known(
            self._snapshot.tokens, self._snapshot.listings.drop("id"), previous.filter(inside), self._overrides
        )
        self._merged = engine.merge(rows, self._known, today, names=self._names)
        self._today = today

    @property
    def rows(self) -> int:
        """How many listings the source names now; for a list, of how many it says more."""
        return (self._merged.instruments.height + self._elsewhere.height) if self._names else self._merged.listings.height

    @property
    def ambiguous(self) -> tuple[str, ...]:
        """The rows set aside, in words."""
        return self._merged.ambiguous

    def shrunken(self, last: MasterReport | None) -> str:
        """Say why the file looks truncated, or return an empty text."""
        if self._names:
            return engine.shrunken(self._known.previous, self._merged.instruments, self._today)
        return engine.shrunken_list(last.rows if last is not None and last.version else 0, self.rows)

    @cached_property
    def difference(self) -> engine.Difference:
        """What the file adds, loses and changes; of a list, how many ISINs are new and how many take another's place."""
        if self._names:
            return engine.compare(self._known, self._merged)
        return engine.compare_list(self._known, self._merged)

    def version(self) -> MasterVersion:
        """Return what is to be published."""
        names = pl.concat([self._merged.instruments, self._elsewhere])
        swapped = engine.isin_changes(self._known, self._merged)
        merged = self._merged
        return MasterVersion(self._source, merged.listings, names, swapped, merged.quarantined, self._state, self._snapshot)
