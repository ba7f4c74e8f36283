"""`python -m tests.faults`: the fault campaign. Ends with one line of counts; exit code 0 only when they are all 0."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.faults import auto, bars, instruments, plan
from tests.faults.campaign import Campaign, Report
from tests.faults.waits import REAL, SHORT, Waits
from tests.faults.world import World

KILLS = 300
REAL_KILLS = 10
LAKE_KILLS = 25
LEAST_HITS = 10
MASTER_KILLS = 25


def campaign(home: Path, kills: int, seed: int, waits: Waits, tell: Callable[[str], None]) -> Report:
    """Run one campaign in a new folder and return its report."""
    rounds = plan.make(kills, seed, simple=waits is REAL)
    with World(home, seed, waits) as world:
        return Campaign(world, rounds, tell).run()


def show(title: str, report: Report) -> None:
    """Print what a campaign came to, with everything that is told apart from the counts."""
    print(f"{title}: {report.kills} kills, {report.orders} orders in {report.seconds:.0f} s")
    print("  died: " + ", ".join(f"{name} {count}" for name, count in sorted(report.hits.items())))
    print("  faults that struck: " + ", ".join(f"{name} {count}" for name, count in sorted(report.faults.items()) if count))
    if report.missed:
        print(f"  points not reached, killed at random instead: {len(report.missed)}")
    people = ", ".join(f"{name} {count}" for name, count in sorted(report.acts.items()))
    print(f"  a person was needed: {people or 'never'}")
    for text in (act for act in report.told if "look" in act or "tag" in act or "released" in act or "not placed" in act):
        print(f"    {text}")
    for case in report.verdict.twins:
        print(f"  doubled by the exchange itself, both in our ledger: {case.text}")
    for text in report.removed:
        print(f"  book removed: {text}")
    for name in ("lost", "doubled", "unsettled"):
        for case in getattr(report.verdict, name):
            print(f"  {name.upper()}: {case.text}")
    if report.standstill:
        print(f"  IT CAME TO A STANDSTILL: {report.standstill}")
    for text in report.breaches:
        print(f"  ORDER RATE: {text}")
    for story in report.stories:
        print(story)


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kills workers and counts orders.")
    parser.add_argument("--only", choices=["orders", "auto", "bars", "instruments"], help="which campaign (default: all)")
    parser.add_argument(
        "--kills", type=int, help=f"how many workers die (default {KILLS}, then {REAL_KILLS} with the real waits)"
    )
    parser.add_argument("--real-waits", type=int, metavar="N", help="how many workers die in a run with the real waits")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same plan")
    parser.add_argument("--verbose", action="store_true", help="tell of each round")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    campaigns: dict[str, Callable[[], int]] = {
        "orders": lambda: orders(given),
        "auto": lambda: strategies(given),
        "bars": lambda: lake(given.kills or LAKE_KILLS, given.seed),
        "instruments": lambda: masters(given.kills or MASTER_KILLS, given.seed),
    }
    return max(campaigns[name]() for name in ([given.only] if given.only else campaigns))


def orders(given: argparse.Namespace) -> int:
    """Run the campaign of orders and return the exit code."""
    real = given.real_waits if given.real_waits is not None else REAL_KILLS if given.kills is None else 0
    runs = [("short waits", KILLS if given.kills is None else given.kills, SHORT), ("real waits", real, REAL)]
    folder = Path(tempfile.mkdtemp(prefix="sigma-faults-"))
    reports = []
    for title, kills, waits in runs:
        if not kills:
            continue
        home, tell = folder / title.replace(" ", "-"), print if given.verbose else _quietly
        reports.append(campaign(home, kills, given.seed, waits, tell))
        show(title, reports[-1])
    return conclude(reports, folder)


def strategies(given: argparse.Namespace) -> int:
    """Run the campaign of AUTO strategies and return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="sigma-faults-"))
    tell = print if given.verbose else _quietly
    report = auto.campaign(folder / "auto", given.kills or auto.KILLS, given.seed, tell)
    show("AUTO strategies", report)
    for name in ("databases", "shares", "ends", "gate"):
        print(f"  {name}: " + ", ".join(f"{word} {count}" for word, count in sorted(getattr(report, name).items())))
    for case in report.exceeded:
        print(f"  LIMIT EXCEEDED: {case.text}")
    if auto.bad(report):
        print(f"everything is kept in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"  triggers placed: {report.triggers}")
    print(f"faults: auto: {auto.line(report)}", flush=True)
    return 1 if auto.bad(report) else 0


def masters(kills: int, seed: int) -> int:
    """Run the campaign of instrument masters and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="sigma-faults-") as folder:
        return instruments.show(instruments.campaign(Path(folder), kills, seed))


def lake(kills: int, seed: int) -> int:
    """Run the campaign of the lake and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="sigma-faults-") as folder:
        return bars.show(bars.campaign(Path(folder), kills, seed))


def conclude(reports: list[Report], folder: Path) -> int:
    """Print the line of counts and return the exit code; the folder is kept when there is something to look at."""
    count: Counter[str] = Counter()
    for report in reports:
        count.update(kills=report.kills, orders=report.orders, breaches=len(report.breaches), standstills=bool(report.standstill))
        count.update({name: len(getattr(report.verdict, name)) for name in ("lost", "doubled", "unsettled")})
    rare = [point for point in plan.POINTS if sum(report.hit([point])[point] for report in reports) < LEAST_HITS]
    if rare and count["kills"] >= KILLS:
        print(f"hit fewer than {LEAST_HITS} times: {', '.join(rare)}")
        count["rare"] = len(rare)
    bad = sum(count[name] for name in ("lost", "doubled", "unsettled", "breaches", "standstills", "rare"))
    if bad:
        print(f"everything is kept in {folder}")
    else:
        shutil.rmtree(folder)
    counts = ", ".join(f"{count[name]} {name}" for name in ("kills", "orders", "lost", "doubled", "unsettled"))
    print(f"faults: {counts}", flush=True)
    return 1 if bad else 0


def _quietly(line: str) -> None:
    """Tell of every twentieth round, and of each world."""
    word, _, rest = line.partition(" ")
    number = rest.partition(" ")[0]
    if word == "world" or (word == "round" and number.isdigit() and int(number) % 20 == 0):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
