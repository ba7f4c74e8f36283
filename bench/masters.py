"""Instrument masters of the market's real size, from one seeded table: Kite's CSV and SmartAPI's JSON (wire.md E).

Quirks kept: exchange tokens shared except for indices, no ISIN, Kite in rupees and SmartAPI in paise (currency strikes times
10^7), series as suffixes (always at SmartAPI, other than EQ at Kite), names with commas, weekly and monthly expiries, lots
of 1 at Kite for currency and commodity, exchanges that are not ours, and a few rows that contradict one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

KITE_ROWS, SMART_ROWS = 150_000, 180_000
DAY = date(2026, 11, 20)
HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
_SEGMENTS = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7, "INDICES": 9, "NCO": 12}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SERIES = ("EQ",) * 5 + ("BE", "SM", "ST", "GS", "GB", "N1", "N2", "SG", "BZ", "IV")
_NSE_INDICES = (("NIFTY 50", "NIFTY"), ("NIFTY BANK", "BANKNIFTY"), ("NIFTY FIN SERVICE", "FINNIFTY"), ("INDIA VIX", "INDIA VIX"))
_BSE_INDICES = (("SENSEX", "SENSEX"), ("BANKEX", "BANKEX"))


@dataclass(frozen=True, slots=True)
class Row:
    """One security: what it is, whichever broker lists it. `lot` is in units, money in rupees."""

    exchange: str
    token: int
    symbol: str
    name: str
    kind: str  # EQ, INDEX, FUT, CE or PE
    series: str = ""
    lot: int = 1
    tick: Decimal = Decimal("0.05")
    expiry: date | None = None
    strike: Decimal = Decimal(0)
    monthly: bool = True
    sort: str = ""  # SmartAPI's word for the kind of underlying: STK, IDX, CUR, COM


def table(seed: int = 7, day: date = DAY, rows: int = KITE_ROWS) -> list[Row]:
    """Return `rows` securities: a seventh cash, the rest contracts of which stock and index options are most."""
    dice = Random(seed)
    nse = list(_cash(dice, "NSE", int(rows * 0.06), 1))
    bse = list(_cash(dice, "BSE", int(rows * 0.08), 500_000))
    indices = list(_indices())
    rest = rows - len(nse) - len(bse) - len(indices)
    stocks = [row.symbol for row in nse if row.series == "EQ"][:200]
    plan = [
        ("NFO", "IDX", ["NIFTY", "BANKNIFTY", "FINNIFTY"], 0.14, Decimal(50), Decimal(25_000), 75),
        ("NFO", "STK", stocks, 0.46, Decimal(10), Decimal(1500), 250),
        ("BFO", "IDX", ["SENSEX", "BANKEX"], 0.10, Decimal(100), Decimal(84_000), 20),
        ("BFO", "STK", stocks, 0.12, Decimal(10), Decimal(1500), 250),
        ("CDS", "CUR", ["USDINR", "EURINR", "GBPINR", "JPYINR"], 0.06, Decimal("0.25"), Decimal(85), 1000),
        ("MCX", "COM", ["GOLD", "SILVER", "CRUDEOIL", "NATURALGAS", "COPPER", "ZINC"], 0.12, Decimal(100), Decimal(60_000), 100),
    ]
    found = [*indices, *nse, *bse]
    for number, (exchange, sort, names, part, step, middle, lot) in enumerate(plan):
        wanted = int(rest * part) if number < len(plan) - 1 else rows - len(found)
        found += _contracts(day, exchange, sort, names, wanted, step, middle, lot, 35_000 + number * 200_000)
    return found


def another_day(rows: Iterable[Row]) -> list[Row]:
    """Return a table without some of its options, and with other lots for some: what a day changes."""
    kept = [row for number, row in enumerate(rows) if number % 20 or row.kind not in ("CE", "PE")]
    return [replace(row, lot=2 * row.lot) if number % 30 == 0 else row for number, row in enumerate(kept)]


def _cash(dice: Random, exchange: str, count: int, first: int) -> Iterator[Row]:
    taken: set[str] = set()
    for number in range(count):
        while (symbol := "".join(dice.choices(_LETTERS, k=dice.randint(4, 9)))) in taken:
            continue
        taken.add(symbol)
        if number % 97 == 0:
            symbol = f"{symbol[:3]}&{symbol[3:]}" if number % 2 else f"{symbol[:3]}-AUTO{number}"
        series = dice.choice(_SERIES) if exchange == "NSE" else ""
        name = f"{symbol.title()} Industries{', India' if number % 50 == 0 else ''} Ltd"
        yield Row(exchange, first + number, symbol, name, "EQ", series, tick=dice.choice((Decimal("0.01"), Decimal("0.05"))))


def _indices() -> Iterator[Row]:
    for exchange, names in (("NSE", _NSE_INDICES), ("BSE", _BSE_INDICES)):
        for number, (symbol, name) in enumerate(names):
            yield Row(exchange, 1001 + number, symbol, name, "INDEX", tick=Decimal(0), lot=0)
    for number in range(120):
        yield Row("NSE", 2001 + number, f"NIFTY THEME {number}", f"NIFTY THEME {number}", "INDEX", tick=Decimal(0), lot=0)


def _contracts(
    day: date, exchange: str, sort: str, names: list[str], count: int, step: Decimal, middle: Decimal, lot: int, first: int
) -> Iterator[Row]:
    """Yield futures, then options from the middle outwards over all expiries, until there are `count`."""
    expiries = _expiries(day, weekly=sort == "IDX", months=3 if sort == "STK" else 6)
    tick = Decimal("0.0025") if sort == "CUR" else Decimal("0.05")
    made = 0

    def row(name: str, kind: str, expiry: date, strike: Decimal, monthly: bool) -> Row:
        return Row(exchange, first + made, name, name, kind, "", lot, tick, expiry, strike, monthly, sort)

    monthly = [expiry for expiry, last in expiries if last][:3]
    for name in names:
        for expiry in monthly:
            if made < count:
                yield row(name, "FUT", expiry, Decimal(0), True)
                made += 1
    for distance in range(100_000):
        for name in names:
            for expiry, last in expiries:
                for kind in ("CE", "PE"):
                    if made == count:
                        return
                    away = step * (distance // 2 + 1) * (1 if distance % 2 else -1)
                    strike = middle + away if middle + away > 0 else middle + step * (distance + 100_000)
                    yield row(name, kind, expiry, strike, last)
                    made += 1


def _expiries(day: date, *, weekly: bool, months: int) -> list[tuple[date, bool]]:
    """Return Tuesdays: the last of each month, and with `weekly` each of the next ten weeks; True marks a month's last."""
    found: dict[date, bool] = {}
    moment = day
    while len([last for last in found.values() if last]) < months:
        if moment.weekday() == 1:
            last = (moment + timedelta(7)).month != moment.month
            if last or (weekly and moment < day + timedelta(70)):
                found[moment] = last
        moment += timedelta(1)
    return list(found.items())


def kite(rows: Iterable[Row], last_price: Decimal = Decimal(0)) -> bytes:
    """Return the rows as Kite's dump."""
    lines = [HEAD, *(_kite_line(row, last_price) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def _kite_line(row: Row, last_price: Decimal) -> str:
    segment = "INDICES" if row.kind == "INDEX" else row.exchange
    contract = row.expiry is not None
    word = f"{row.exchange}-{'FUT' if row.kind == 'FUT' else 'OPT'}" if contract else segment
    symbol = kite_contract(row) if contract else row.symbol if row.series in ("", "EQ") else f"{row.symbol}-{row.series}"
    lot = 1 if row.sort in ("CUR", "COM") else row.lot
    name = f'"{row.name}"' if "," in row.name else row.name
    expiry = row.expiry.isoformat() if row.expiry else ""
    kind = "EQ" if row.kind == "INDEX" else row.kind
    number = row.token * 256 + _SEGMENTS[segment]
    return (
        f"{number},{row.token},{symbol},{name},{last_price},{expiry},{row.strike},{row.tick},{lot},{kind},{word},{row.exchange}"
    )


def kite_contract(row: Row) -> str:
    """Return a contract's symbol as Kite writes it."""
    day = row.expiry or DAY
    month = _MONTHS[day.month - 1] if row.monthly else f"{'123456789OND'[day.month - 1]}{day.day:02d}"
    tail = "FUT" if row.kind == "FUT" else f"{row.strike.normalize():f}{row.kind}"
    return f"{row.name}{day.year % 100:02d}{month}{tail}"


def smart(rows: Iterable[Row], count: int = SMART_ROWS) -> bytes:
    """Return the rows as OpenAPIScripMaster.json, filled up to `count` with NCDEX contracts and debt that only it lists."""
    lines = [_smart_row(row) for row in rows]
    for number in range(max(0, count - len(lines))):
        if number < 3:  # a symbol of one share with the token of another
            lines.append(_smart(str(10 + number), f"STRANGER{number}-EQ", f"STRANGER{number}", "", "-1.000000", "", "NSE"))
        elif number % 6 == 0:
            lines.append(_smart(str(900_000 + number), f"JEERA{number}", "JEERA", "20NOV2026", "-1.000000", "FUTCOM", "NCDEX"))
        else:
            lines.append(_smart(str(3_000_000 + number), f"{number}GS2046-GS", f"{number}GS2046", "", "-1.000000", "", "NSE"))
    return json.dumps(lines, separators=(",", ":")).encode()


def _smart_row(row: Row) -> dict[str, str]:
    if row.kind == "INDEX":
        blank = {"strike": "0.000000", "kind": "AMXIDX", "tick": "0.000000", "lot": "1"}
        return _smart(str(99_925_000 + row.token + (5000 if row.exchange == "BSE" else 0)), row.symbol.title(), row.name, "",
                      blank["strike"], blank["kind"], row.exchange, blank["lot"], blank["tick"])  # fmt: skip
    scale = 10_000_000 if row.sort == "CUR" else 100
    tick = f"{row.tick * scale:.6f}"
    if row.expiry is None:
        symbol = f"{row.symbol}-{row.series}" if row.series else row.symbol
        return _smart(str(row.token), symbol, row.symbol, "", "-1.000000", "", row.exchange, str(row.lot), tick)
    head = f"{row.name}{row.expiry:%d}{_MONTHS[row.expiry.month - 1]}{row.expiry:%y}"
    symbol = f"{head}FUT" if row.kind == "FUT" else f"{head}{row.strike.normalize():f}{row.kind}"
    strike = "-1.000000" if row.kind == "FUT" else f"{row.strike * scale:.6f}"
    expiry = f"{row.expiry:%d}{_MONTHS[row.expiry.month - 1]}{row.expiry:%Y}"
    kind = f"{'FUT' if row.kind == 'FUT' else 'OPT'}{row.sort}"
    return _smart(str(row.token), symbol, row.name, expiry, strike, kind, row.exchange, str(row.lot), tick)


def _smart(
    token: str, symbol: str, name: str, expiry: str, strike: str, kind: str, exchange: str, lot: str = "1", tick: str = "5.000000"
) -> dict[str, str]:
    return {"token": token, "symbol": symbol, "name": name, "expiry": expiry, "strike": strike, "lotsize": lot,
            "instrumenttype": kind, "exch_seg": exchange, "tick_size": tick}  # fmt: skip
