"""What a person does with a strategy: pause, resume, leave its positions, delete it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.confirm import Question, ask
from pages.ui.session import desk
from pages.ui.strategy_edit import acting
from pages.ui.strategy_rows import legs
from sigma.domain import show
from sigma.domain.orders import OrderMode
from sigma.domain.strategies import Strategy

PAUSE = "strategy-exit-pause"


def pause(name: str) -> None:
    """Ask before a strategy's signals wait for a person."""
    known = desk().strategies.get(name)
    held = len(desk().strategies.positions(known.name))
    told = f" It holds {held} position{'s' * (held != 1)}, which stay{'s' * (held == 1)} open." if held else ""
    body = f"All its signals, exits among them, wait in the queue for your yes from now on.{told}"
    question = Question(f"Pause {escape(known.name)}?", body, "Keep it running", f"Pause {known.name}", icon=":material/pause:")
    ask(question, f"strategy-pause:{known.id}", partial(_paused, known))


def _paused(known: Strategy) -> str:
    desk().strategies.disable(known.name)
    return f"{escape(known.name)} is paused."


def resume(name: str) -> None:
    """Ask before a strategy's signals act again; for one that executes by itself, where and within which limits."""
    known = desk().strategies.get(name)
    body = "Its signals wait in the queue, on its accounts, as before."
    if known.mode is OrderMode.AUTO:
        body = acting(known)
    question = Question(
        f"Resume {escape(known.name)}?", body, "Keep it paused", f"Resume {known.name}", icon=":material/play_arrow:"
    )
    ask(question, f"strategy-resume:{known.id}", partial(_resumed, known))


def _resumed(known: Strategy) -> str:
    desk().strategies.enable(known.name)
    return f"{escape(known.name)} runs again."


def manual(name: str) -> None:
    """Let a strategy's orders wait for a person from now on; that is the careful side, so nobody is asked."""
    after = desk().strategies.update(name, mode=OrderMode.MANUAL.value)
    st.toast(f"{escape(after.name)} is MANUAL: its orders wait in the queue.", icon=":material/check:")


def leave(name: str) -> None:
    """Ask before all that a strategy holds is closed at the market, naming each position with its account and rupees."""
    known = desk().strategies.get(name)
    held = desk().strategies.positions(known.name)
    found = {badge.name: badge for badge in badges()}
    known_worth = held["value"].dropna()
    unpriced = len(held) - len(known_worth)
    worth = f"About {show.rupees(known_worth.sum())} at the last prices" if len(known_worth) else "The value is not known"
    rest = f", without {unpriced} whose price is not known" if unpriced and len(known_worth) else ""
    lines = "".join(f"\n- {leg}" for leg in legs(held, found))
    body = (
        f"{worth}{rest}.\n{lines}\n\nIts own orders on these accounts are taken back first. Each exit can only reduce what the "
        "account holds. Shares in demat, and what you bought yourself, stay."
    )
    many = f"{len(held)} position{'s' * (len(held) != 1)}"
    title = f"Exit {many} of {escape(known.name)} on {_where(list(held['account']), found)} at market?"
    question = Question(title, body, f"Keep {many}", f"Exit {many}", icon=":material/logout:")
    ask(question, f"strategy-exit:{known.id}", partial(_left, known), partial(_also, known))


def _where(accounts: list[str], found: dict[str, Badge]) -> str:
    return ", ".join(found[name].coloured if name in found else escape(name) for name in dict.fromkeys(accounts))


def _also(known: Strategy) -> bool:
    if known.enabled:
        st.checkbox("Pause it first, so that no signal opens anything anew", value=True, key=f"{PAUSE}:{known.id}")
    return True


def _left(known: Strategy) -> str:
    mine = desk().strategies
    if known.enabled and st.session_state.get(f"{PAUSE}:{known.id}"):
        mine.disable(known.name)
    runs = mine.exit(known.name)
    where = ", ".join(dict.fromkeys(map(escape, runs["account"])))
    return f"What {escape(known.name)} holds is being closed on {where}."


def delete(name: str) -> None:
    """Ask before a strategy leaves the lists."""
    known = desk().strategies.get(name)
    body = "Alerts that name it wait in the queue from then on. Its orders, fills and limits are kept."
    question = Question(
        f"Delete {escape(known.name)}?", body, "Keep strategy", "Delete strategy", known.name, icon=":material/delete:"
    )
    ask(question, f"strategy-delete:{known.id}", partial(_deleted, known))


def _deleted(known: Strategy) -> str:
    desk().strategies.remove(known.name)
    return f"{escape(known.name)} was deleted. History is kept."
