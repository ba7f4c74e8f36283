"""`python -m tests.faults.refresh_once HOME VERSION ROWS`: merge and publish one made-up master, as a refresh does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from sigma.domain.instruments import Exchange, Kind, MasterReport, MasterRow
from sigma.domain.times import ist_date
from sigma.engines.master_frame import frame_of
from sigma.ports.masters import MasterFile
from sigma.services.master_merge import MasterMerge
from sigma.store import open_market
from tests.faults.instruments import AT, SOURCE


def main(home: Path, version: int, rows: int) -> None:
    """Publish version `version`: lots of so many units, tokens that end in it."""
    import sigma.store.publish  # noqa: F401 - before the clock runs

    plain = MasterRow(SOURCE, Exchange.NSE, "S", "1", "NSE", "1", Kind.EQUITY, series="EQ", lot_size=version)
    made = [replace(plain, symbol=f"S{number}", token=f"{number * 1000 + version}") for number in range(1, rows + 1)]
    sys.stdout.write(".")
    sys.stdout.flush()
    with open_market(home) as market:
        work = MasterMerge(market, SOURCE, MasterFile(frame_of(made)), names=True)
        work.merge(ist_date(AT))
        report = MasterReport(SOURCE, 0, work.rows, 0, 0, 0, (), (), 0.0)
        market.publish_master(work.version(), report, AT)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
