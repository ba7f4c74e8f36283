"""Brokers' instrument masters merged into one table: canonical names, joins, quarantine, and what changed.

Rules (wire.md E): rows of different brokers are one listing when exchange and exchange token agree; else when the ISIN
and series do; else when symbol and series do. Indices share no token and join by name. Derivatives join by contract:
their tokens are used anew after expiry. What contradicts itself is quarantined with the reason, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, MasterRow, listing_text

REGULAR_SERIES = "EQ"
CASH_KINDS = frozenset({Kind.EQUITY, Kind.ETF})
DERIVATIVES = frozenset({Kind.FUTURE, Kind.OPTION})
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKLY_MONTHS = "123456789OND"
SPOT_EXCHANGE = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}

# Other spellings of an index; one that is its canonical name up to case and blanks needs no line here.
INDEX_ALIASES: Mapping[tuple[Exchange, str], str] = {
    (Exchange.NSE, "NIFTY"): "NIFTY 50",
    (Exchange.NSE, "NIFTY50"): "NIFTY 50",
    (Exchange.NSE, "BANKNIFTY"): "NIFTY BANK",
    (Exchange.NSE, "NIFTYBANK"): "NIFTY BANK",
    (Exchange.NSE, "FINNIFTY"): "NIFTY FIN SERVICE",
    (Exchange.NSE, "NIFTY FINANCIAL SERVICES"): "NIFTY FIN SERVICE",
    (Exchange.NSE, "MIDCPNIFTY"): "NIFTY MID SELECT",
    (Exchange.NSE, "NIFTY MIDCAP SELECT"): "NIFTY MID SELECT",
    (Exchange.NSE, "INDIAVIX"): "INDIA VIX",
    (Exchange.NSE, "VIX"): "INDIA VIX",
    (Exchange.BSE, "S&P BSE SENSEX"): "SENSEX",
    (Exchange.BSE, "BSE SENSEX"): "SENSEX",
}

NO_TICK = Decimal("0.05")
"""Masters give an index no tick and no lot: it is not traded."""

LOWEST_SHARE = Decimal("0.8")
FEW = 20
"""An exchange with fewer rows than this is not judged by itself."""

TokenKey = tuple[Exchange, str]
IsinKey = tuple[Exchange, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What other brokers' masters, and this broker's last one, taught.

    Parameters
    ----------
    tokens : mapping of (exchange, exchange token) to canonical text
    isins : mapping of (exchange, ISIN, series) to canonical text
    listings : mapping of canonical text to Listing
        What the common table holds now.
    previous : sequence of BrokerInstrument
        This broker's last published master.
    """

    tokens: Mapping[TokenKey, str] = field(default_factory=dict)
    isins: Mapping[IsinKey, str] = field(default_factory=dict)
    listings: Mapping[str, Listing] = field(default_factory=dict)
    previous: Sequence[BrokerInstrument] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A master row with the canonical text that its own words give."""

    text: str
    row: MasterRow


@dataclass(frozen=True, slots=True)
class Merged:
    """One broker's master in canonical terms; `ambiguous` says which rows were quarantined and why."""

    listings: tuple[Listing, ...]
    instruments: tuple[BrokerInstrument, ...]
    ambiguous: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of listings that a new master has more, fewer, and under another symbol or token than the last."""

    added: int
    gone: int
    changed: int


def index_symbol(exchange: Exchange, symbol: str) -> str:
    """Return the canonical symbol of an index."""
    plain = " ".join(symbol.upper().split())
    return INDEX_ALIASES.get((exchange, plain), plain)


def cash_symbol(exchange: Exchange, symbol: str, series: str) -> str:
    """Return the canonical symbol of a share: the exchange's own, with the series when it is not EQ.

    BSE's groups are no series: a share is in one of them only, and they are left out.
    """
    plain, kind = symbol.strip().upper(), series.strip().upper()
    base = plain.removesuffix(f"-{kind}") if kind else plain
    return base if exchange is Exchange.BSE or kind in ("", REGULAR_SERIES) else f"{base}-{kind}"


def contract_symbol(row: MasterRow, monthly: bool) -> str:
    """Return the canonical symbol of a future or option: ``NIFTY26FEB25000CE`` or, weekly, ``NIFTY2621025000CE``.

    Raises
    ------
    ValueError
        The row lacks its underlying, expiry, or (an option) strike and type.
    """
    if not row.underlying.strip() or row.expiry is None:
        raise ValueError("has no underlying or no expiry")
    if row.kind is Kind.OPTION and (row.strike is None or row.strike <= 0 or row.option_type is None):
        raise ValueError("is an option without strike or type")
    day = row.expiry
    month = MONTHS[day.month - 1] if monthly else f"{WEEKLY_MONTHS[day.month - 1]}{day.day:02d}"
    head = f"{row.underlying.strip().upper()}{day.year % 100:02d}{month}"
    if row.kind is Kind.FUTURE or row.strike is None or row.option_type is None:
        return f"{head}FUT"
    return f"{head}{row.strike.normalize():f}{row.option_type.value}"


def underlying_text(exchange: Exchange, name: str) -> str | None:
    """Return the canonical text of what a derivative is written on, or its plain name where no listing is it."""
    plain = " ".join(name.upper().split())
    if not plain:
        return None
    spot = SPOT_EXCHANGE.get(exchange)
    return plain if spot is None else listing_text(spot, index_symbol(spot, plain))


def canonical_names(rows: Iterable[MasterRow]) -> tuple[list[Named], list[str]]:
    """Return each row with the text that its own words give, and the rows that give none, with the reason."""
    taken = list(rows)
    last = _last_expiries(taken)
    named, refused = [], []
    for row in taken:
        try:
            named.append(Named(listing_text(row.exchange, _symbol(row, last)), row))
        except ValueError as error:
            refused.append(_complaint(row, str(error)))
    return named, refused


def merge(named: Sequence[Named], refused: Sequence[str], known: Known, today: date) -> Merged:
    """Return a broker's master joined with what is known.

    `named` and `refused` are what `canonical_names` gave; `today` (IST) is when new names start to be valid.
    """
    joined, ambiguous = _joined(named, known)
    kept, repeated = _unique(joined)
    since = {(old.listing, old.token): old.valid_from for old in known.previous}
    return Merged(
        listings=tuple(_enriched(_listing(item), known.listings.get(item.text)) for item in kept),
        instruments=tuple(_instrument(item, since, today) for item in kept),
        ambiguous=(*refused, *ambiguous, *repeated),
    )


def compare(known: Known, merged: Merged) -> Difference:
    """Count what a new master adds, loses and changes: another symbol, token, lot or tick."""
    before = {old.listing: old for old in known.previous}
    after = {item.listing: item for item in merged.instruments}
    changed = {text for text, item in after.items() if text in before and _names(before[text]) != _names(item)}
    for listing in merged.listings:
        old = known.listings.get(listing.text) if listing.text in before else None
        if old is not None and (old.lot_size, old.tick_size) != (listing.lot_size, listing.tick_size):
            changed.add(listing.text)
    return Difference(len(after.keys() - before.keys()), len(before.keys() - after.keys()), len(changed))


def shrunken(previous: Iterable[BrokerInstrument], new: Iterable[BrokerInstrument], today: date) -> str:
    """Say why a new master looks truncated, or return an empty text. Contracts that expired meanwhile are not missed."""
    before = Counter(_exchange(old) for old in previous if old.valid_to is None or old.valid_to >= today)
    after = Counter(_exchange(item) for item in new)
    if not after.total():
        return "the download holds no usable row"
    if after.total() < before.total() * LOWEST_SHARE:
        return f"the download holds {after.total()} rows, the last one had {before.total()}"
    for exchange, count in sorted(before.items()):
        if count >= FEW and after[exchange] < count * LOWEST_SHARE:
            return f"the download holds {after[exchange]} rows of {exchange}, the last one had {count}"
    return ""


def _last_expiries(rows: Iterable[MasterRow]) -> set[tuple[Exchange, str, date]]:
    """Return (exchange, underlying, expiry) of each month's last expiry: the monthly one."""
    last: dict[tuple[Exchange, str, int, int], date] = {}
    for row in rows:
        if row.expiry is not None:
            key = (row.exchange, row.underlying.strip().upper(), row.expiry.year, row.expiry.month)
            last[key] = max(last.get(key, row.expiry), row.expiry)
    return {(exchange, underlying, day) for (exchange, underlying, _, _), day in last.items()}


def _symbol(row: MasterRow, last: set[tuple[Exchange, str, date]]) -> str:
    if not row.symbol.strip() or not row.token.strip():
        raise ValueError("has no symbol or no token")
    if row.kind is Kind.INDEX:
        return index_symbol(row.exchange, row.symbol)
    if row.lot_size < 1 or row.tick_size <= 0:
        raise ValueError(f"has lot size {row.lot_size} and tick size {row.tick_size}")
    if row.kind not in DERIVATIVES:
        return cash_symbol(row.exchange, row.symbol, row.series)
    monthly = row.expiry is not None and (row.exchange, row.underlying.strip().upper(), row.expiry) in last
    return contract_symbol(row, monthly)


def _joined(named: Iterable[Named], known: Known) -> tuple[list[Named], list[str]]:
    renamed = {(old.exchange_code, old.token): old.symbol for old in known.previous}
    texts = set(known.tokens.values())
    joined, ambiguous = [], []
    for item in named:
        old_symbol = renamed.get((item.row.exchange_code, item.row.token), item.row.symbol)
        try:
            text = item.text if old_symbol != item.row.symbol else _text_of(item, known, texts)
        except ValueError as error:
            ambiguous.append(_complaint(item.row, str(error)))
        else:
            joined.append(item if text == item.text else Named(text, item.row))
    return joined, ambiguous


def _text_of(item: Named, known: Known, texts: set[str]) -> str:
    """Return the text that a row is known under elsewhere, else its own; ValueError when the two contradict each other."""
    row = item.row
    if row.kind is Kind.INDEX:
        return item.text
    other = known.tokens.get((row.exchange, row.exchange_token)) if row.exchange_token else None
    if other is None and row.isin and row.kind in CASH_KINDS:
        return known.isins.get((row.exchange, row.isin, row.series), item.text)
    listing = known.listings.get(other) if other is not None and other != item.text else None
    if other is None or listing is None:
        return item.text
    if row.kind in DERIVATIVES or listing.kind in DERIVATIVES:
        return other if _same_contract(row, listing) else item.text
    if listing.kind is Kind.INDEX:
        return item.text
    if item.text in texts:
        raise ValueError(f"its token is {other} elsewhere, its symbol says {item.text}")
    if row.isin and listing.isin and row.isin != listing.isin:
        raise ValueError(f"its token is {other} elsewhere, whose ISIN is {listing.isin}, not {row.isin}")
    return other


def _same_contract(row: MasterRow, listing: Listing) -> bool:
    mine = (row.kind, row.expiry, row.strike, row.option_type, underlying_text(row.exchange, row.underlying))
    return mine == (listing.kind, listing.expiry, listing.strike, listing.option_type, listing.underlying)


def _unique(joined: Sequence[Named]) -> tuple[list[Named], list[str]]:
    """Keep rows that are alone with their text and their token; the same row twice counts once."""
    single = list({(item.text, item.row.exchange_code, item.row.token, item.row.symbol): item for item in joined}.values())
    texts = Counter(item.text for item in single)
    tokens = Counter((item.row.exchange_code, item.row.token) for item in single)
    kept, refused = [], []
    for item in single:
        row = item.row
        if texts[item.text] > 1:
            refused.append(_complaint(row, f"is one of {texts[item.text]} rows that would all be {item.text}"))
        elif tokens[row.exchange_code, row.token] > 1:
            refused.append(_complaint(row, "shares its token with another row"))
        else:
            kept.append(item)
    return kept, refused


def _listing(item: Named) -> Listing:
    row = item.row
    derivative = row.kind in DERIVATIVES
    return Listing(
        exchange=row.exchange,
        symbol=item.text.partition(":")[2],
        kind=row.kind,
        name=row.name.strip(),
        series=row.series.strip().upper(),
        lot_size=row.lot_size or 1,
        tick_size=row.tick_size or NO_TICK,
        freeze_quantity=row.freeze_quantity,
        isin=row.isin,
        expiry=row.expiry if derivative else None,
        strike=row.strike if row.kind is Kind.OPTION else None,
        option_type=row.option_type if row.kind is Kind.OPTION else None,
        underlying=underlying_text(row.exchange, row.underlying) if derivative else None,
    )


def _enriched(new: Listing, known: Listing | None) -> Listing:
    """Keep what another master said better, so that masters of several brokers do not overwrite one another in turn.

    Lot and tick are the newest word. An ETF is what one master calls so, whatever the vaguer ones say; the longer name tells
    more.
    """
    if known is None:
        return new
    return replace(
        new,
        kind=Kind.ETF if {new.kind, known.kind} == CASH_KINDS else new.kind,
        name=max(new.name, known.name, key=len),
        series=new.series or known.series,
        freeze_quantity=known.freeze_quantity if new.freeze_quantity is None else new.freeze_quantity,
        isin=new.isin or known.isin,
    )


def _instrument(item: Named, since: Mapping[tuple[str, str], date | None], today: date) -> BrokerInstrument:
    row = item.row
    return BrokerInstrument(
        broker=row.broker,
        listing=item.text,
        symbol=row.symbol,
        token=row.token,
        exchange_code=row.exchange_code,
        exchange_token=row.exchange_token,
        valid_from=since.get((item.text, row.token)) or today,
        valid_to=row.expiry if row.kind in DERIVATIVES else None,
    )


def _names(instrument: BrokerInstrument) -> tuple[str, str, str, str]:
    return instrument.symbol, instrument.token, instrument.exchange_code, instrument.exchange_token


def _exchange(instrument: BrokerInstrument) -> str:
    return instrument.listing.partition(":")[0]


def _complaint(row: MasterRow, reason: str) -> str:
    return f"{row.exchange}:{row.symbol} (token {row.token}) {reason}"
