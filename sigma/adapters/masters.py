"""Reading instrument files as frames: texts into exact numbers and days, odd rows named, what is not ours counted."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import polars as pl

from sigma.adapters.answers import succeeded
from sigma.adapters.transport import WatchedSession
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.money import LIMIT, PLACES, SCALE
from sigma.engines.master_frame import EXCHANGES, SCHEMA
from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile

DOWNLOAD_S = 60.0
MOST_BYTES = 1 << 30
MOST_BAD = 200
ISIN = r"^[A-Z]{2}[A-Z0-9]{9}\d$"
_GZIP = b"\x1f\x8b"
_AGAIN = "Try again later."
Case = tuple[pl.Expr, pl.Expr | str]


def download(url: str, context: AdapterContext, title: str) -> bytes:
    """Return the file at a public address.

    Raises
    ------
    BrokerUnavailable
        It did not arrive whole.
    """
    session = WatchedSession(replace(context, timeout_s=max(context.timeout_s, DOWNLOAD_S)))
    flight = session.fly(lambda: session.get(url))
    session.close()
    if flight.answer is None:
        raise BrokerUnavailable(f"{title} did not arrive: {flight.why}.", hint=_AGAIN)
    if not succeeded(flight.answer.status):
        raise BrokerUnavailable(f"{title} answered HTTP {flight.answer.status}.", hint=_AGAIN)
    return flight.answer.body


def downloads(urls: Sequence[str], context: AdapterContext, title: str) -> bytes:
    """Return the files at `urls`, or at those in ``context.master_url`` (with commas between), one behind the other."""
    wanted = context.master_url.split(",") if context.master_url else urls
    return b"\n".join(unpacked(download(url.strip(), context, title), title) for url in wanted)


def unpacked(data: bytes, title: str) -> bytes:
    """Return the file's bytes, out of gzip if they are in it, without a byte-order mark and blanks around them.

    Raises
    ------
    BrokerUnavailable
        The gzip is damaged or cut short, or holds more than a gigabyte.
    """
    if data.startswith(_GZIP):
        try:
            with gzip.open(BytesIO(data)) as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise BrokerUnavailable(f"{title} is cut short or damaged.", hint=_AGAIN) from None
    if len(data) > MOST_BYTES:
        raise BrokerUnavailable(f"{title} is absurdly large.", retryable=False)
    return data.removeprefix(b"\xef\xbb\xbf").strip()


def csv_frame(data: bytes, title: str, columns: Sequence[str], *, header: bool = True) -> pl.DataFrame:
    """Return a CSV as a frame of texts with its line numbers in ``line``; short lines end in nulls.

    Parameters
    ----------
    columns : sequence of str
        Names that the header must hold; without a header, names of the columns from the first on.

    Raises
    ------
    BrokerUnavailable
        It is no such CSV.
    """
    try:
        rows = pl.read_csv(data, has_header=header, infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    except (pl.exceptions.PolarsError, ValueError):
        raise BrokerUnavailable(f"{title} cannot be read as a table.", retryable=False) from None
    if header:
        rows = rows.rename({name: name.strip() for name in rows.columns})
    else:
        rows = rows.rename(dict(zip(rows.columns, columns, strict=False)))
    if missing := [name for name in columns if name not in rows.columns]:
        raise BrokerUnavailable(f"{title} lacks the columns {', '.join(missing)}.", retryable=False)
    return rows.select(pl.col(columns).fill_null("")).with_row_index("line", 2 if header else 1)


def money(name: str, unit: int = SCALE) -> pl.Expr:
    """Return a text column as 1/100,000,000 rupees: 0 where it is blank, null where it is no number.

    Parameters
    ----------
    unit : int
        What the file's 1 is: SCALE for rupees, SCALE // 100 for paise.
    """
    text = pl.col(name).str.strip_chars()
    number = text.cast(pl.Decimal(38, PLACES), strict=False).to_physical()
    fits = number.abs() < LIMIT * SCALE
    scaled = pl.when(fits).then(number).cast(pl.Int64, strict=False)
    return pl.when(text == "").then(0).otherwise(scaled // (SCALE // unit))


def whole(name: str) -> pl.Expr:
    """Return a text column as whole numbers: 0 where it is blank, null where it is none."""
    number = money(name)
    return pl.when(number % SCALE == 0).then(number // SCALE)


def complain(cases: Sequence[Case]) -> pl.Expr:
    """Return the words of the first case that holds, null where none does."""
    told = pl.lit(None, pl.String)
    for condition, words in reversed(cases):
        told = pl.when(condition).then(pl.lit(words) if isinstance(words, str) else words).otherwise(told)
    return told


def no_number(name: str, read: pl.Expr) -> Case:
    """Return the case of a column that could not be read as a number."""
    return read.is_null(), pl.format(name + " is '{}', not a number", name)


def outside(name: str) -> pl.Expr:
    """Return whether a column names an exchange that is not ours."""
    return pl.col(name).is_in(EXCHANGES).not_()


def nothing_foreign() -> pl.DataFrame:
    """Return the frame of rows left out of a file that holds only what is ours."""
    return pl.DataFrame(schema={"what": pl.String()})


def finished(rows: pl.DataFrame, foreign: pl.DataFrame, *, line: str, symbol: str, covers: Sequence[str] = ()) -> MasterFile:
    """Return the frame of a file whose rows were read.

    Parameters
    ----------
    rows : frame
        The columns of a master, ``line`` and ``reason`` (null for a good row).
    foreign : frame
        A column ``what`` with a row for each row left out.
    line : str
        What a line is called in messages.
    """
    bad = rows.filter(pl.col("reason").is_not_null())
    told = bad.head(MOST_BAD).select(words=pl.format(line + " {} ({}): {}", "line", symbol, "reason"))["words"].to_list()
    if bad.height > MOST_BAD:
        told.append(f"and {bad.height - MOST_BAD} rows more that cannot be read")
    for what, count in foreign.group_by("what", maintain_order=True).len().iter_rows():
        told.append(f"{count} rows of {what} left out: not supported")
    good = rows.filter(pl.col("reason").is_null()).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    # What no database can keep is replaced: the fact counts, not the byte.
    clean = good.with_columns(pl.col("symbol", "name").str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True))
    return MasterFile(clean, tuple(told), frozenset(covers))
