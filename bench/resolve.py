"""Names to listings over 200,000 of them: every key warm and cold, search as you type, an option chain.

The table is made of masters of the market's size (bench/masters.py) that are merged and published as a refresh does it.
Peers, in the same process on the same rows: for a name a query of SQLAlchemy, for a warm one a frame of pandas with the names
as its index, for a search SQL's LIKE, for a chain pandas' filter and pivot.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from bench import masters
from bench.tools import quantile
from sigma.bootstrap import House, open_house, prepare
from sigma.desk.instruments import InstrumentsDesk
from sigma.domain.instruments import BrokerInstrument, Kind, Listing

KITE_ROWS, SMART_ROWS = 175_000, 212_000
LOOKUPS, SEARCHES, LIKES, CHAINS, ROUNDS = 4000, 2000, 60, 300, 50
WARM_US, COLD_US, SEARCH_MS, CHAIN_MS = 2.0, 100.0, 10.0, 5.0
CONTRACTS = (
    "nifty 25000 ce",
    "banknifty 26dec fut",
    "sensex 84000",
    "nifty 26nov pe",
    "usdinr 84.75",
    "gold fut",
    "crudeoil 60100 ce",
)


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        prepare(home)
        house = open_house(home, process="bench")
        try:
            _fill(house)
            return [*_names(house), *_searches(house), *_chains(house)]
        finally:
            house.close()


def _fill(house: House) -> None:
    rows = masters.table(rows=KITE_ROWS)
    with house.store.read() as tx:
        user = tx.users.owner().id
    for broker, data in (("zerodha", masters.kite(rows)), ("angelone", masters.smart(rows, SMART_ROWS))):
        report = house.instruments.load(user, broker, data)
        if report.kept_old:
            raise RuntimeError(f"{broker}: {report.kept_old}")


def _names(house: House) -> list[dict[str, Any]]:
    """Return how long each key takes: the slowest key's figure counts."""
    names = Random(5).sample(list(house.market_store.broker_instruments("zerodha")), LOOKUPS)
    lookup, catalogue = house.lookup, house.instruments
    keys: dict[str, Callable[[BrokerInstrument], object]] = {
        "text": lambda name: catalogue.resolve(name.listing),
        "name": lambda name: lookup.broker_instrument("zerodha", name.listing),
        "symbol": lambda name: lookup.listing_by_symbol("zerodha", name.exchange_code, name.symbol),
        "token": lambda name: lookup.listing_by_token("zerodha", name.exchange_code, name.token),
    }
    cold = {key: [took * 1e6 for took in _each(ask, names)] for key, ask in keys.items()}
    warm = {key: _warm(ask, names[:200]) for key, ask in keys.items()}
    frame = pd.DataFrame({"listing": [name.listing for name in names], "name": names}).set_index("listing")
    pandas = _warm(lambda name: frame["name"].at[name.listing], names[:200])
    query = [took * 1e6 for took in _each(lambda name: house.market_store.listings([name.listing]), names[:1000])]
    slowest = max(cold.values(), key=lambda took: quantile(took, 0.5))
    return [
        _row("resolve_warm", max(warm.values()), "µs", "pandas, by index", pandas, WARM_US),
        _row("resolve_cold_p50", quantile(slowest, 0.5), "µs", "a query of SQLAlchemy", quantile(query, 0.5), COLD_US),
        _row("resolve_cold_p99", quantile(slowest, 0.99), "µs", "a query of SQLAlchemy", quantile(query, 0.99), COLD_US),
    ]


def _searches(house: House) -> list[dict[str, Any]]:
    began = time.perf_counter()
    house.instruments.search.warm()
    print(f"search index: {time.perf_counter() - began:.2f} s to make")
    queries = list(_typed(house))
    ours = [took * 1000 for took in _each(house.instruments.find, queries)]
    like = [took * 1000 for took in _each(house.market_store.find, queries[:: SEARCHES // LIKES])]
    return [_row("search_as_you_type_p99", quantile(ours, 0.99), "ms", "SQL LIKE", quantile(like, 0.99), SEARCH_MS)]


def _typed(house: House) -> Iterable[str]:
    """Yield what people type: symbols and names letter by letter, and contracts in several words."""
    dice = Random(9)
    texts = [name.listing.partition(":")[2] for name in house.market_store.broker_instruments("zerodha")]
    count = 0
    while count < SEARCHES:
        word = dice.choice((dice.choice(texts), dice.choice(CONTRACTS), "industries ltd", "nifty 50", "zzqx"))
        for length in range(1, len(word) + 1):
            yield word[:length]
            count += 1


def _chains(house: House) -> list[dict[str, Any]]:
    with house.store.read() as tx:
        instruments = InstrumentsDesk(house, tx.users.owner().id)
    rows = _options(house)
    instruments.chain("NSE:NIFTY 50")
    ours = [took * 1000 for took in _each(instruments.chain, ["NSE:NIFTY 50"] * CHAINS)]
    theirs = [took * 1000 for took in _each(lambda text: _pivot(rows, text), ["NSE:NIFTY 50"] * (CHAINS // 10))]
    return [_row("option_chain_p99", quantile(ours, 0.99), "ms", "pandas, filter and pivot", quantile(theirs, 0.99), CHAIN_MS)]


def _options(house: House) -> pd.DataFrame:
    texts = [name.listing for name in house.market_store.broker_instruments("zerodha")]
    found: Iterable[Listing] = house.market_store.listings(texts).values()
    options = [row for row in found if row.kind is Kind.OPTION]
    columns = ("underlying", "expiry", "strike", "option_type", "lot_size")
    return pd.DataFrame(
        {"text": [row.text for row in options], **{name: [getattr(row, name) for row in options] for name in columns}}
    )


def _pivot(rows: pd.DataFrame, underlying: str) -> pd.DataFrame:
    mine = rows[rows["underlying"] == underlying]
    nearest = mine[mine["expiry"] == mine["expiry"].min()]
    return nearest.pivot(index="strike", columns="option_type", values=["text", "lot_size"])


def _each(ask: Callable[[Any], object], items: Sequence[Any]) -> list[float]:
    """Return the seconds that each call takes."""
    took = []
    for item in items:
        began = time.perf_counter()
        ask(item)
        took.append(time.perf_counter() - began)
    return took


def _warm(ask: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return the microseconds of a call when all is known: the best of some rounds, over the items."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for item in items:
            ask(item)
        best = min(best, (time.perf_counter() - began) / len(items) * 1e6)
    return best


def _row(name: str, ours: float, unit: str, peer: str, theirs: float, below: float) -> dict[str, Any]:
    measured = {"name": name, "ours": ours, "unit": unit, "peer": peer, "peer_value": theirs}
    return measured | {"ratio": ours / theirs, "goal": f"< {below:g} {unit}", "held": ours < below}
