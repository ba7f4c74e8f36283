"""SmartAPI's instrument master: one long JSON list, numbers as texts, strikes and ticks in paise, no ISIN (wire.md E)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from sigma.adapters.angelone.capabilities import BROKER
from sigma.adapters.answers import body_text, succeeded
from sigma.adapters.rows import Row, day_of, plain
from sigma.adapters.transport import WatchedSession
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange, Kind, MasterRow, OptionType
from sigma.domain.money import ZERO
from sigma.ports.broker import AdapterContext

MASTER_URL = "https://margincalculator.angelone.in/OpenAPI_File/files/OpenAPIScripMaster.json"
_MASTER_PATH = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_DOWNLOAD_S = 60.0
_PAISE = Decimal(100)
# Currency: strike x 10^7 [O]; that the tick is scaled alike is unverified.
_CURRENCY = Decimal(10_000_000)
_SERIES = re.compile(r"-([A-Z0-9]{2})$")


def master(context: AdapterContext) -> Iterator[MasterRow | str]:
    """Download the master (no login needed) and yield its rows, and a text for each that cannot be read.

    Raises
    ------
    BrokerUnavailable
        It did not arrive whole.
    """
    url = context.master_url or (f"{context.url.rstrip('/')}{_MASTER_PATH}" if context.url else MASTER_URL)
    session = WatchedSession(replace(context, timeout_s=max(context.timeout_s, _DOWNLOAD_S)))
    flight = session.fly(lambda: session.get(url))
    session.close()
    if flight.answer is None:
        raise BrokerUnavailable(f"AngelOne's instrument list did not arrive ({flight.problem}).", hint="Try again later.")
    if not succeeded(flight.answer.status):
        raise BrokerUnavailable(f"AngelOne's instrument list answered HTTP {flight.answer.status}.", hint="Try again later.")
    yield from parse(body_text(flight.answer))


def parse(text: str) -> Iterator[MasterRow | str]:
    """Yield the rows of a master; what is not ours is counted and named at the end.

    Raises
    ------
    BrokerUnavailable
        The text is no JSON list, or is cut short.
    """
    foreign: Counter[str] = Counter()
    for number, item in enumerate(_objects(text), start=1):
        try:
            row = Row(item)
            if strange := _not_ours(row):
                foreign[strange] += 1
            else:
                yield _row(row)
        except ValueError as error:
            yield f"row {number} ({item.get('symbol') if isinstance(item, dict) else item}): {error}"
    for strange, count in foreign.items():
        yield f"{count} rows of {strange} left out: not supported"


def _objects(text: str) -> Iterator[object]:
    """Yield the members of a JSON list one by one: 200,000 of them at once would take half a gigabyte."""
    decoder, position = json.JSONDecoder(), _skip(text, 0, " \t\r\n\ufeff")
    if text[position : position + 1] != "[":
        raise BrokerUnavailable("AngelOne's instrument list is no list.", retryable=False)
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        try:
            item, position = decoder.raw_decode(text, position)
        except ValueError:
            raise BrokerUnavailable("AngelOne's instrument list is cut short or damaged.", hint="Try again later.") from None
        yield item
        position = _skip(text, position, ", \t\r\n")


def _skip(text: str, position: int, what: str = " \t\r\n") -> int:
    while position < len(text) and text[position] in what:
        position += 1
    return position


def _not_ours(row: Row) -> str:
    exchange, kind = row.word("exch_seg"), row.text("instrumenttype")
    if exchange not in Exchange.__members__:
        return f"exchange {exchange}"
    known = kind in ("", "AMXIDX") or kind.startswith(("FUT", "OPT"))
    return "" if known else f"{exchange} {kind}"


def _row(row: Row) -> MasterRow:
    exchange, symbol, name = Exchange(row.word("exch_seg")), row.word("symbol"), row.text("name")
    kind = _kind(row.text("instrumenttype"))
    derivative = kind in (Kind.FUTURE, Kind.OPTION)
    scale = _CURRENCY if exchange in (Exchange.CDS, Exchange.BCD) else _PAISE
    series = _SERIES.search(symbol)
    return MasterRow(
        broker=BROKER,
        exchange=exchange,
        symbol=symbol,
        token=row.word("token"),
        exchange_code=exchange.value,
        exchange_token=row.word("token"),
        kind=kind,
        name=name,
        series=series[1] if series and exchange is Exchange.NSE and kind is Kind.EQUITY else "",
        lot_size=row.whole_or("lotsize", 1) or 1,
        tick_size=_scaled(row.positive("tick_size") or ZERO, scale),
        expiry=day_of(row.word("expiry")) if derivative else None,
        strike=_scaled(row.number("strike"), scale) if kind is Kind.OPTION else None,
        # A contract is known by name, expiry, strike and these two letters; the rest of its symbol is never parsed.
        option_type=OptionType(symbol[-2:]) if kind is Kind.OPTION else None,
        underlying=name if derivative else "",
    )


def _kind(word: str) -> Kind:
    if word == "AMXIDX":
        return Kind.INDEX
    return Kind.FUTURE if word.startswith("FUT") else Kind.OPTION if word.startswith("OPT") else Kind.EQUITY


def _scaled(number: Decimal, scale: Decimal) -> Decimal:
    return Decimal(plain(number / scale))
