"""The parts of the page Risk: how much of each daily loss is used, modes and stops, and the limits in force."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import broker_dialogs
from pages.ui.badges import Badge, badges, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.kill import allow_trading, is_owner, may_trade, stop_trading
from pages.ui.risk_words import LABELS, LOWERS, REFUSES, Loss, Where, loss, where
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.stops import ENDINGS, STEPS, counts
from pages.ui.table import Column, live_table
from sigma.domain import show
from sigma.domain.accounts import TradingMode, stricter
from sigma.domain.risk import KillState, Scope
from sigma.domain.show import Chip, Tone

MOST_RUNS = 10
HALVES = frozenset({"drawdown_caution"})
"""Limits that always lower a quantity, whatever is chosen."""
IN_FORCE = {
    "label": Column("Limit", width=270, pinned=True),
    "value": Column("Value", "right", 150),
    "beyond": Column("Beyond it", "chip", 110, chips={one.text: one.tone for one in (LOWERS, REFUSES)}),
    "source": Column("From", width=220, help="The scopes whose value holds: the strictest, or all that add to a list."),
    "limit": Column("Name", width=180, help="What it is called on the command line and in notebooks."),
}
VERDICTS = {
    "RUNNING": Chip("» Going on", Tone.MOVES),
    "BLOCKED": Chip("✓ Blocked", Tone.GOOD),
    "CANCELLED": Chip("✓ Cancelled", Tone.GOOD),
    "FLAT": Chip("✓ Flat, verified", Tone.GOOD),
    "NOT_VERIFIED": Chip("✕ Not verified", Tone.BAD),
}
RUNS = {
    "where": Column("Account", width=176, pinned=True),
    "chip": Column("Ended", "chip", 130, chips={one.text: one.tone for one in VERDICTS.values()}),
    "started_at": Column("Began", "moment", 95, help="IST"),
    "progress": Column("What was done", width=240),
    "reason": Column("Reason", width=170),
    "by": Column("By", width=90),
    "notes": Column("Notes", width=400),
}


def losses() -> list[Loss]:
    """Return how much of each daily loss is used: that of everything, with or without a limit, then of each scope with one."""
    mine = desk()
    limited = {where(row): row.max_daily_loss for row in mine.risk.limits() if row.max_daily_loss is not None}
    known = {badge.id: badge.text for badge in badges()}
    wanted = [Where(), *(place for place in limited if place != Where() and (not place.account_id or place.account_id in known))]
    found = []
    for place in wanted:
        strategy = place.strategy if place.scope is Scope.STRATEGY else None
        label = "All live accounts" if place == Where() else place.words(known)
        found.append(loss(label, mine.day(place.account_id, strategy), limited.get(place)))
    return found


def draw_losses(found: Sequence[Loss]) -> None:
    """Draw a bar for each daily loss."""
    with st.grid(3, min_column_width=260, key="risk-losses"):
        for one in found:
            with st.container(border=True, gap="xsmall"):
                mark = ":red[✕ No entries] " if one.stops else ""
                st.markdown(f"{mark}Daily loss · **{escape(one.label)}**")
                if one.fraction is None:
                    st.markdown(escape(one.words))
                else:
                    st.progress(one.fraction, escape(one.words))
                    st.caption(f"Result today {show.gain(one.total)}, after charges.")


def modes(badge: Badge) -> None:
    """Draw the trading mode of all accounts and of one, which of them holds, and what is stopped."""
    general = desk().risk.mode()
    own = TradingMode(badge.trading_mode)
    holds = stricter(general, own)
    with st.container(border=True, key="risk-modes"):
        _mode("All accounts", general, "risk-mode-all", opens(broker_dialogs.mode_of_all))
        asks = opens(broker_dialogs.mode, badge.id, badge.name, own)
        _mode(f":{badge.hue}[{badge.shape}] {escape(badge.name)}", own, f"risk-mode:{badge.id}", asks)
        st.caption(f"In force on {escape(badge.name)}: {holds}: {broker_dialogs.MODES[holds]} The stricter of the two holds.")


def _mode(what: str, mode: TradingMode, key: str, asks: dict[str, object]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        mark = ":green[✓]" if mode is TradingMode.NORMAL else ":orange[▲]"
        st.markdown(f"{what}: {mark} **{escape(mode)}**")
        st.space("stretch")
        if may_trade():
            st.button("Change", key=key, help=f"Change the trading mode of {what}", **asks)  # type: ignore[arg-type]


def kills() -> None:
    """Draw what is stopped, with the way to stop and to allow it again."""
    mine = desk()
    on = mine.risk.kills()
    known = {badge.id: badge.coloured for badge in badges()}
    with st.container(border=True, key="risk-kills"):
        for kill in on:
            with st.container(horizontal=True, vertical_alignment="center"):
                said = f"{stopped_what(kill, known)} by {escape(kill.by or show.MISSING)}: {escape(kill.reason)}"
                st.markdown(clocks(f":red[✕ Stopped] since {show.when(kill.at, mine.now())} IST: {said}"))
                st.space("stretch")
                if is_owner():
                    asks = opens(allow_trading, kill.account_id, kill.strategy)
                    st.button("Re-arm", key=f"risk-arm:{kill.account_id}:{kill.strategy}", icon=":material/lock_open:", **asks)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("Kill switch" if on else ":green[✓] Kill switch: nothing is stopped.")
            st.space("stretch")
            if may_trade():
                st.button("Stop trading", key="risk-kill", icon=":material/front_hand:", **opens(stop_trading))
        if on and not is_owner():
            st.caption("Only the owner lets trading go on.")


def stopped_what(kill: KillState, known: dict[int, str]) -> str:
    """Return what a stop concerns; `known` are accounts in Markdown by id."""
    where_ = "all accounts" if kill.account_id is None else known.get(kill.account_id, show.MISSING)
    return f"strategy {escape(kill.strategy)} on {where_}" if kill.strategy else where_


def runs() -> None:
    """Draw how the last stops went on each account; nothing when there never was one."""
    found = desk().kill_runs().head(MOST_RUNS)
    if found.empty:
        return
    st.markdown("**Stops**, newest first")
    live_table(as_runs(found, {badge.name: badge.text for badge in badges()}), RUNS, key="risk-runs", select="")


def as_runs(found: pd.DataFrame, known: dict[str, str]) -> pd.DataFrame:
    """Return runs of the kill switch and of square-offs as the cells that `RUNS` names."""
    shown = found.set_index("id")
    shown["where"] = [
        " · ".join(filter(None, (known.get(row.account, row.account), text(row.strategy), text(row.product))))
        for row in rows(found)
    ]
    shown["chip"] = [VERDICTS[row.verdict].text for row in rows(found)]
    done = [STEPS[row.step] if row.verdict == "RUNNING" else ENDINGS[row.verdict] for row in rows(found)]
    shown["progress"] = [f"{words} {counts(row)}".strip() for words, row in zip(done, rows(found), strict=True)]
    return shown


def in_force(strategy: str, badge: Badge, *, everything: bool) -> pd.DataFrame:
    """Return the limits that hold for orders of a strategy (empty: a person's) on an account, indexed by name."""
    found = desk().risk.effective(strategy, badge.name).set_index("limit", drop=False).rename_axis(None)
    named = {"GLOBAL": "GLOBAL", "STRATEGY": f"STRATEGY {strategy}", "ACCOUNT": f"ACCOUNT {badge.shape} {badge.name}"}
    found["label"] = [LABELS[name] for name in found["limit"]]
    beyond = found["limit"], found["mode"]
    chips = {"CLAMP": LOWERS.text, "REJECT": REFUSES.text}
    found["beyond"] = [chips.get("CLAMP" if mode and name in HALVES else mode, "") for name, mode in zip(*beyond, strict=True)]
    found["source"] = [", ".join(named[one] for one in scopes.split(", ") if one) or show.MISSING for scopes in found["scopes"]]
    return found if everything else found[found["mode"] != ""]
