"""How far a stop is on each account, below the title of every page, until it is verified or a person was told what to look at."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.desk import Desk

EVERY_S = 1
STEPS = {
    "BLOCKED": "new orders are blocked",
    "CANCELLING": "cancelling orders",
    "SETTLING": "waiting for outcomes that are unknown",
    "FLATTENING": "closing positions",
    "VERIFYING": "verifying that nothing is left",
}
ENDINGS = {
    "BLOCKED": "blocked",
    "CANCELLED": "nothing works any more, verified",
    "FLAT": "flat, verified by two reads",
    "NOT_VERIFIED": "NOT verified",
}


def going_on(mine: Desk) -> bool:
    """Say whether a stop or a square-off is at work."""
    return bool(len(mine.kill_runs(True)))


def stops() -> None:
    """Draw one line for each account concerned, with a bar while it lasts."""
    mine = desk()
    known = {badge.name: badge.coloured for badge in badges()}
    for run in rows(shown(mine.kill_runs(), stopped_since(mine))):
        where = known.get(run.account, escape(run.account))
        what = f"{where} · {escape(run.strategy)}" if run.strategy else where
        if run.verdict == "RUNNING":
            st.progress(fraction(run), f"{what}: {STEPS[run.step]} {counts(run)}".rstrip())
        elif run.verdict == "NOT_VERIFIED":
            st.error(f"{what}: **not verified**. {escape(run.notes)}".strip(), icon=":material/error:")
        else:
            st.markdown(f":green[✓] {what}: {ENDINGS[run.verdict]} {counts(run)}".rstrip())


def stopped_since(mine: Desk) -> pd.Timestamp | None:
    """Return since when something has been stopped; None when nothing is."""
    moments = [kill.at for kill in mine.risk.kills() if kill.at is not None]
    return pd.Timestamp(min(moments)) if moments else None


def shown(runs: pd.DataFrame, since: pd.Timestamp | None) -> pd.DataFrame:
    """Return the runs to draw: what is going on, and of the stops that are on how they ended; the newest of each scope."""
    now = runs[(runs["verdict"] == "RUNNING") | ((runs["started_at"] >= since) if since is not None else False)]
    return now.drop_duplicates(["account", "strategy", "product"]).sort_values("account")


def fraction(run: Any) -> float:
    """Return how much of a run is done, from 0 to 1; two reads that agree end it."""
    total, done = run.to_cancel + run.to_flatten + 2, run.cancelled + run.flattened + run.flat_reads
    return float(min(1.0, max(0.0, done / total)))


def counts(run: Any) -> str:
    """Return what is done of what, empty when there is nothing to do."""
    said = [
        f"{done} of {total} {what}"
        for done, total, what in ((run.cancelled, run.to_cancel, "cancelled"), (run.flattened, run.to_flatten, "closed"))
        if total
    ]
    said += [f"{run.unknown} unknown"] if run.unknown else []
    return f"({', '.join(said)})" if said else ""
