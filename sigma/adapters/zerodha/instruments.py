"""Kite's instrument dump: a CSV in rupees without ISINs (wire.md E)."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sigma.adapters.answers import body_text
from sigma.adapters.transport import Redactor, secrets_of
from sigma.adapters.zerodha.capabilities import BROKER
from sigma.adapters.zerodha.client import kite, needed
from sigma.domain.accounts import BrokerSession
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange, Kind, MasterRow, OptionType
from sigma.domain.money import ZERO, decimal_from
from sigma.ports.broker import AdapterContext

COLUMNS = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
_DOWNLOAD_S = 60.0
# NSE symbols of other series than EQ end in it: ABCLTD-BE. BAJAJ-AUTO and MCDOWELL-N are no series.
_SERIES = re.compile(r"-([A-Z0-9]{2})$")
# Kite's file does not tell an ETF from a share: both are EQ.
_KINDS = {"EQ": Kind.EQUITY, "FUT": Kind.FUTURE, "CE": Kind.OPTION, "PE": Kind.OPTION}


def master(credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> Iterator[MasterRow | str]:
    """Download the dump and yield its rows, and a text for each line that cannot be read."""
    needed(credentials, "api_key")
    tokens = session.tokens if session else {}
    patient = replace(context, timeout_s=max(context.timeout_s, _DOWNLOAD_S), url=context.master_url or context.url)
    clean = Redactor(secrets_of(credentials, tokens))
    client, line = kite(credentials["api_key"], patient, clean, token=tokens.get("access_token", ""))
    answer = line.ask("the instrument list", client.instruments)
    yield from parse(body_text(answer))


def parse(text: str) -> Iterator[MasterRow | str]:
    """Yield the rows of a dump; exchanges that are not ours are counted and named at the end.

    Raises
    ------
    BrokerUnavailable
        The text is no dump of Kite's.
    """
    reader = csv.DictReader(io.StringIO(text.strip()))
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise BrokerUnavailable(f"Zerodha's instrument list lacks the columns {', '.join(missing)}.", retryable=False)
    foreign: Counter[str] = Counter()
    for line in reader:
        if line["exchange"] not in Exchange.__members__:
            foreign[line["exchange"]] += 1
            continue
        try:
            yield _row(line)
        except (ValueError, KeyError, TypeError) as error:
            yield f"line {reader.line_num} ({line['tradingsymbol']}): {error}"
    for exchange, count in foreign.items():
        yield f"{count} rows of exchange {exchange!r} left out: not supported"


def _row(line: Mapping[str, str]) -> MasterRow:
    exchange, kind = Exchange(line["exchange"]), _KINDS[line["instrument_type"]]
    if line["segment"] == "INDICES":
        kind = Kind.INDEX
    series = _SERIES.search(line["tradingsymbol"])
    cash = kind is Kind.EQUITY
    return MasterRow(
        broker=BROKER,
        exchange=exchange,
        symbol=line["tradingsymbol"],
        token=str(int(line["instrument_token"])),
        exchange_code=line["exchange"],
        exchange_token=line["exchange_token"],
        kind=kind,
        name=line["name"],
        series=(series[1] if series else "EQ") if cash and exchange is Exchange.NSE else "",
        lot_size=int(_number(line["lot_size"])) or 1,
        tick_size=_number(line["tick_size"]),
        expiry=date.fromisoformat(line["expiry"]) if line["expiry"] else None,
        strike=_number(line["strike"]) if kind is Kind.OPTION else None,
        option_type=OptionType(line["instrument_type"]) if kind is Kind.OPTION else None,
        underlying=line["name"] if kind in (Kind.FUTURE, Kind.OPTION) else "",
    )


def _number(text: str) -> Decimal:
    return decimal_from(text) if text.strip() else ZERO
