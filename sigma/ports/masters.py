"""Instrument files and the sources they come from: brokers' masters, and exchanges' lists that say more of listings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

    from sigma.ports.broker import AdapterContext


@dataclass(frozen=True, slots=True)
class MasterFile:
    """A file as it was read.

    Parameters
    ----------
    rows : frame
        Columns ``sigma.engines.master_frame.SCHEMA``.
    bad : tuple of str
        A text for each line that could not be read, and for each kind of rows that is not ours.
    covers : frozenset of str
        Exchanges that the file is about, when it is a part only: names on others stay. Empty: all that the source knows.
    """

    rows: pl.DataFrame
    bad: tuple[str, ...] = ()
    covers: frozenset[str] = frozenset()


class MasterSource(Protocol):
    """A source that needs no account.

    Parameters
    ----------
    title : str
        What people call it.
    names : bool
        Whether its symbols and tokens name listings, as a broker's do; an exchange's list only says more of known ones.
    urls : mapping
        Public addresses, one for each file; empty when there is none and files must be given by a person.
    """

    @property
    def title(self) -> str: ...

    @property
    def names(self) -> bool: ...

    @property
    def urls(self) -> tuple[str, ...]: ...

    def download(self, context: AdapterContext) -> MasterFile:
        """Return its files, downloaded; ``context.master_url`` (several with commas between) instead of `urls`.

        Raises
        ------
        BrokerUnavailable
            They did not arrive whole, or are not what they should be.
        """

    def read(self, data: bytes) -> MasterFile:
        """Return one file that a person gave; BrokerUnavailable when it is not what it should be."""


Sources = Mapping[str, MasterSource]


@dataclass(frozen=True, slots=True)
class MasterState:
    """What was published last of a source: digests of its rows, and of what else the merge depended on."""

    content: str
    basis: str


@dataclass(frozen=True, slots=True)
class MasterSnapshot:
    """What the tables hold, as of one publication.

    Parameters
    ----------
    published : int
        Number of that publication.
    names : frame
        The source's names: columns ``sigma.engines.instruments.INSTRUMENT``, and ``id``.
    tokens : frame
        Exchange tokens by all sources but this one (columns TOKEN), indices and empty ones left out.
    listings : frame
        The common table: columns LISTING, and ``id``; without contracts that expired before the day asked for.
    """

    published: int
    names: pl.DataFrame
    tokens: pl.DataFrame
    listings: pl.DataFrame


@dataclass(frozen=True, slots=True)
class MasterVersion:
    """A merged master, ready to be published; frames as `sigma.engines.instruments` makes them.

    Parameters
    ----------
    listings : frame, columns LISTING
        Merged into the common table; what is not in it stays there.
    instruments : frame, columns INSTRUMENT
        All of the source's names from now on.
    isins : frame, columns text, isin, was
        ISINs that take the place of others.
    quarantined : frame, columns QUARANTINE
        All rows of the source that are set aside.
    known : MasterSnapshot or None
        What it was merged with; it need not be read again if nothing else was published since.
    """

    source: str
    listings: pl.DataFrame
    instruments: pl.DataFrame
    isins: pl.DataFrame
    quarantined: pl.DataFrame
    state: MasterState
    known: MasterSnapshot | None = None
