"""A process that reads from both brokers in its turn: ``python -m tests.orders.reader ROUNDS``, on the environment as it is."""

from __future__ import annotations

import sys
from datetime import timedelta

from sigma import bootstrap
from sigma.domain.limits import CallKind
from sigma.domain.market import Timeframe


def main(rounds: str) -> None:
    """Read quotes, bars, book and executions of every account, once each round; any refusal ends it with an error."""
    house = bootstrap.open_house()
    end = house.clock.now()
    start = end - timedelta(days=10)
    reads = {
        CallKind.QUOTES: lambda broker: broker.quotes(["NSE:INFY"]),
        CallKind.BARS: lambda broker: broker.history("NSE:INFY", Timeframe.D1, start, end),
        CallKind.BOOK: lambda broker: broker.order_book(),
        CallKind.FILLS: lambda broker: broker.fills(),
    }
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(rounds)):
        for account in house.all_accounts():
            for kind, read in reads.items():
                house.connections.read(account.id, kind, read, attempts=1, patience_s=60)
    print("done", flush=True)
    house.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
