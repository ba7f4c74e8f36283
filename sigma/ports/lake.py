"""Where bars are kept: by source, listing and length, readable by everybody while one writes.

Only lengths that a source is asked for are kept (one minute, one day); longer ones are made from them. Only closed bars are
kept. With them the lake knows for which time the source was asked, since a minute without a bar may be one without trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sigma.domain.bars import Bars, Span
from sigma.domain.market import Timeframe


@dataclass(frozen=True, slots=True)
class Series:
    """Whose bars: those that one broker gives of one listing (canonical text) in one length."""

    source: str
    listing: str
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class Known:
    """For which time the source was asked, and for which it was asked again and had nothing; oldest first."""

    covered: tuple[Span, ...] = ()
    confirmed: tuple[Span, ...] = ()


class LakeWriter(Protocol):
    """The one writer of a series, as long as its claim lasts."""

    def write(self, bars: Bars, covered: Span, confirmed: Sequence[Span] = ()) -> None:
        """Put closed bars in place, a new bar over an old one of the same close; the source was asked for `covered`.

        Bars outside of `covered` are refused with ValueError. A reader sees a part either as it was or as it is.
        """

    def forget(self) -> None:
        """Remove everything of the series."""


class Lake(Protocol):
    """All bars there are."""

    def read(self, series: Series, span: Span) -> Bars:
        """Return the stored bars that close in `span`, oldest first; none when nothing is stored."""

    def read_many(self, series: Sequence[Series], span: Span) -> Mapping[Series, Bars]:
        """Return `read` of many series; those without a bar in `span` are absent."""

    def known(self, series: Series, span: Span) -> Known:
        """Return what the source was asked for within `span`."""

    def claim(self, series: Series, wait_s: float) -> AbstractContextManager[LakeWriter | None]:
        """Become the series' writer; None when another one on this machine still is after `wait_s` seconds."""
