"""The canonical, seeded table of securities: equities on NSE and BSE, ETFs, indices, futures and option chains.

Everything a front door serves as its instrument master is derived from this one table, so that joins on the exchange
token, ISIN gaps and differences of scale between masters are real (wire.md E and I.8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sigma.domain.instruments import Exchange, Kind, OptionType, listing_text
from sigma.domain.money import RoundTo, round_to_tick
from sigma.simulator.symbols import EQUITIES, ETFS, OTHER_SERIES

DERIVATIVE_TICK = Decimal("0.05")
CASH_FREEZE = 100_000
# Tick by price in the cash market, upper bound of the slab in rupees.
_TICKS = (
    (Decimal(250), Decimal("0.01")),
    (Decimal(1000), Decimal("0.05")),
    (Decimal(5000), Decimal("0.10")),
    (Decimal(10000), Decimal("0.50")),
    (Decimal(20000), Decimal("1.00")),
)
_TUESDAY = 1
_MONTH_LETTERS = "123456789OND"


@dataclass(frozen=True, slots=True)
class Security:
    """One listing.

    Parameters
    ----------
    exchange_token : str
        The exchange's own number, which Kite and SmartAPI share except for indices.
    base_price : Decimal
        Rupees; where the price process starts. Options have 0 and are priced from their underlying.
    band : Decimal
        Circuit limit as a fraction of yesterday's close; 0 for none.
    smart_token, smart_symbol, smart_name : str
        SmartAPI's own words for an index (wire.md E: indices do not join); empty otherwise.
    """

    exchange: Exchange
    symbol: str
    kind: Kind
    name: str
    exchange_token: str
    base_price: Decimal
    tick: Decimal
    band: Decimal = Decimal("0.20")
    lot: int = 1
    freeze: int = CASH_FREEZE
    series: str = ""
    isin: str | None = None
    expiry: date | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None
    underlying: str | None = None
    smart_token: str = ""
    smart_symbol: str = ""
    smart_name: str = ""

    @property
    def listing(self) -> str:
        """The canonical text, ``NSE:INFY``."""
        return listing_text(self.exchange, self.symbol)

    @property
    def derivative(self) -> bool:
        """Whether it is a future or an option."""
        return self.kind in (Kind.FUTURE, Kind.OPTION)


def isin_check_digit(body: str) -> str:
    """Return the check digit of the first eleven characters of an ISIN (ISO 6166: Luhn over the expanded digits)."""
    digits = "".join(str(int(char, 36)) for char in body)
    total = 0
    for place, char in enumerate(reversed(digits)):
        doubled = int(char) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10)


def valid_isin(isin: str) -> bool:
    """Say whether `isin` has the form and the check digit of an ISIN."""
    return len(isin) == 12 and isin.isalnum() and isin[:2].isalpha() and isin_check_digit(isin[:11]) == isin[11]


def tick_for(price: Decimal) -> Decimal:
    """Return the tick in rupees of a cash listing at `price` rupees."""
    return next((tick for bound, tick in _TICKS if price < bound), Decimal("5.00"))


class Universe:
    """All securities of one trading date.

    Parameters
    ----------
    seed : int
        Moves base prices by up to two percent and makes up the ISINs.
    day : date
        Decides which contracts exist; call `refresh` when it has moved on.
    """

    def __init__(self, seed: int, day: date) -> None:
        self.seed = seed
        self._cash = tuple(_cash(Random(seed)))
        self._indices = tuple(_indices(Random(seed + 1)))
        self._all: dict[str, Security] = {}
        self.day = day
        self.refresh(day)

    def refresh(self, day: date) -> bool:
        """Rebuild the contracts for `day`; return whether the table changed."""
        self.day = day
        securities = (*self._indices, *self._cash, *_derivatives(self._indices, day))
        fresh = {security.listing: security for security in securities}
        changed = fresh.keys() != self._all.keys()
        self._all = fresh
        return changed

    def __iter__(self) -> Iterator[Security]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def get(self, listing: str) -> Security | None:
        """Return the security of a canonical listing text, None when there is none."""
        return self._all.get(listing)


def _cash(random: Random) -> Iterator[Security]:
    rows = [(line, False) for line in _lines(EQUITIES + OTHER_SERIES)] + [(line, True) for line in _lines(ETFS)]
    for number, (line, etf) in enumerate(rows, start=1):
        yield from _cash_row(line.split("|"), number, random, etf=etf)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _cash_row(fields: list[str], number: int, random: Random, *, etf: bool) -> Iterator[Security]:
    symbol, name, token, code, text = fields[:5]
    series, lot = (fields[5], int(fields[6])) if len(fields) > 5 else ("EQ", 1)
    price = Decimal(text) * (1 + Decimal(random.randint(-200, 200)) / 10_000)
    tick = tick_for(price)
    price = round_to_tick(price, tick)
    kind = Kind.ETF if etf else Kind.EQUITY
    isin = _made_up_isin(number, etf=etf, random=random)
    band = Decimal("0.05") if series == "BE" else Decimal("0.20")
    suffix = "" if series == "EQ" else f"-{series}"
    nse = Exchange.NSE, f"{symbol}{suffix}"
    yield Security(*nse, kind, name, token, price, tick, band=band, lot=lot, freeze=CASH_FREEZE * lot, series=series, isin=isin)
    if code:
        elsewhere = round_to_tick(price * (1 + Decimal(random.randint(-4, 4)) / 10_000), tick)
        yield Security(Exchange.BSE, symbol, kind, name, code, elsewhere, tick, band=band, series="A", isin=isin)


def _made_up_isin(number: int, *, etf: bool, random: Random) -> str:
    prefix = "INF" if etf else "INE"
    body = f"{prefix}{number:03d}{random.choice('ABCDEFGHJKLMNPQRSTUVWXYZ')}01{random.randint(10, 99)}"
    return body + isin_check_digit(body)


# symbol, Kite exchange token (instrument_token = it * 256 + 9), level, SmartAPI token, symbol and name (wire.md E)
_INDEX_ROWS = (
    (Exchange.NSE, "NIFTY 50", "1001", "25180.00", "99926000", "Nifty 50", "NIFTY"),
    (Exchange.NSE, "NIFTY BANK", "1016", "56840.00", "99926009", "Nifty Bank", "BANKNIFTY"),
    (Exchange.NSE, "NIFTY FIN SERVICE", "1007", "26920.00", "99926037", "Nifty Fin Service", "FINNIFTY"),
    (Exchange.BSE, "SENSEX", "1", "82460.00", "99919000", "SENSEX", "SENSEX"),
    (Exchange.NSE, "INDIA VIX", "1035", "13.40", "99926017", "India VIX", "INDIA VIX"),
)


def _indices(random: Random) -> Iterator[Security]:
    for exchange, symbol, token, level, smart_token, smart_symbol, smart_name in _INDEX_ROWS:
        price = round_to_tick(Decimal(level) * (1 + Decimal(random.randint(-100, 100)) / 10_000), DERIVATIVE_TICK)
        yield Security(
            exchange, symbol, Kind.INDEX, symbol, token, price, DERIVATIVE_TICK, band=Decimal(0), freeze=0,
            smart_token=smart_token, smart_symbol=smart_symbol, smart_name=smart_name,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chain:
    name: str
    underlying: str
    lot: int
    freeze: int
    step: int
    weekly: bool
    first_slot: int


_CHAINS = (
    _Chain("NIFTY", "NSE:NIFTY 50", 65, 1800, 50, True, 0),
    _Chain("BANKNIFTY", "NSE:NIFTY BANK", 30, 600, 100, False, 200),
)
_MONTHLY_WINGS, _WEEKLY_WINGS, _WEEKLIES, _MONTHLIES = 40, 20, 4, 3
# Tokens come back after this many weeks, as the exchange's do some time after expiry (wire.md E).
_TOKEN_WEEKS = 100


def last_tuesday(year: int, month: int) -> date:
    """Return the monthly expiry (last Tuesday) of a month."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    last = first_of_next - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - _TUESDAY) % 7)


def expiries(day: date) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """Return the next weekly expiries that are not monthly ones, and the next three monthly expiries, from `day` on."""
    monthly: list[date] = []
    year, month = day.year, day.month
    while len(monthly) < _MONTHLIES:
        expiry = last_tuesday(year, month)
        if expiry >= day:
            monthly.append(expiry)
        year, month = year + month // 12, month % 12 + 1
    first = day + timedelta(days=(_TUESDAY - day.weekday()) % 7)
    weeks = (first + timedelta(weeks=week) for week in range(_WEEKLIES))
    return tuple(week for week in weeks if week not in monthly), tuple(monthly)


def _derivatives(indices: tuple[Security, ...], day: date) -> Iterator[Security]:
    by_listing = {index.listing: index for index in indices}
    weekly, monthly = expiries(day)
    for chain in _CHAINS:
        spot = by_listing[chain.underlying].base_price
        for expiry in monthly:
            yield _future(chain, expiry, spot)
            yield from _options(chain, expiry, spot, f"{expiry:%y%b}".upper(), _MONTHLY_WINGS)
        for expiry in weekly if chain.weekly else ():
            text = f"{expiry:%y}{_MONTH_LETTERS[expiry.month - 1]}{expiry:%d}"
            yield from _options(chain, expiry, spot, text, _WEEKLY_WINGS)


def _token(chain: _Chain, expiry: date, slot: int) -> str:
    return str(35_000 + expiry.toordinal() // 7 % _TOKEN_WEEKS * 400 + chain.first_slot + slot)


def _future(chain: _Chain, expiry: date, spot: Decimal) -> Security:
    return Security(
        Exchange.NFO, f"{chain.name}{expiry:%y%b}FUT".upper(), Kind.FUTURE, chain.name, _token(chain, expiry, 0),
        round_to_tick(spot, DERIVATIVE_TICK), DERIVATIVE_TICK, band=Decimal("0.10"), lot=chain.lot, freeze=chain.freeze,
        expiry=expiry, underlying=chain.underlying,
    )  # fmt: skip


def _options(chain: _Chain, expiry: date, spot: Decimal, when: str, wings: int) -> Iterator[Security]:
    middle = round_to_tick(spot, Decimal(chain.step), RoundTo.NEAREST)
    slot = 0
    for place in range(-wings, wings + 1):
        strike = middle + place * chain.step
        for option_type in OptionType:
            slot += 1
            yield Security(
                Exchange.NFO, f"{chain.name}{when}{strike}{option_type}", Kind.OPTION, chain.name, _token(chain, expiry, slot),
                Decimal(0), DERIVATIVE_TICK, band=Decimal(0), lot=chain.lot, freeze=chain.freeze,
                expiry=expiry, strike=strike, option_type=option_type, underlying=chain.underlying,
            )  # fmt: skip
