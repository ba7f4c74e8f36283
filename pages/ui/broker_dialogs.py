"""Dialogs of the Brokers page. They receive ids and read the account anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.badges import PAPER, escape
from pages.ui.confirm import Question, ask
from pages.ui.credentials import entry, listed
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain.accounts import AUTO_CONSENT, AUTO_KEYS, Account, AuthMode, Capabilities, TradingMode
from sigma.domain.errors import SigmaError
from sigma.domain.orders import EXPOSED

MODES = {
    TradingMode.NORMAL: "it stops nothing.",
    TradingMode.EXIT_ONLY: "only what reduces a position or holding goes out, nothing new is opened.",
    TradingMode.PAUSED: "nothing is placed or changed. Cancelling and reading go on.",
}
AUTH_WORDS = {AuthMode.MANUAL: "I log in each day", AuthMode.AUTO: "SigmaTrader logs in with stored PIN and TOTP secret"}


def mode(account_id: int, name: str, now: TradingMode) -> None:
    """Ask for an account's trading mode."""
    general = desk().risk.mode()
    note = "" if general is TradingMode.NORMAL else f" For all accounts it is **{general}**; the stricter one applies."

    def change(chosen: str) -> str:
        after = desk().accounts.update(account_id, trading_mode=chosen)
        return f"{after.name}: trading mode {after.trading_mode}."

    _ask_mode(f"Change what {escape(name)} may send?", note, f"mode:{account_id}", now, change)


def mode_of_all() -> None:
    """Ask for the trading mode of all accounts."""
    many = len(desk().accounts.table())
    note = f" It holds for {'1 account' if many == 1 else f'all {many} accounts'}; an account's own mode may be stricter."

    def change(chosen: str) -> str:
        desk().risk.set_mode(chosen)
        return f"All accounts: trading mode {chosen}."

    _ask_mode("Change what all accounts may send?", note, "mode:all", desk().risk.mode(), change)


def _ask_mode(title: str, note: str, key: str, now: TradingMode, change: Callable[[str], str]) -> None:
    radio = f"choice:{key}"

    def choose() -> bool:
        captions = [MODES[one][:1].upper() + MODES[one][1:] for one in TradingMode]
        st.radio("Trading mode", list(TradingMode), index=list(TradingMode).index(now), captions=captions, key=radio)
        return True

    question = Question(title, f"It counts for orders that go out from now on.{note}", "Keep", "Change")
    ask(question, key, lambda: change(st.session_state[radio]), choose)


def release(account_id: int, name: str, why: str) -> None:
    """Ask why a frozen account may send again."""
    key = f"release-reason:{account_id}"

    def reason() -> bool:
        given = st.text_input("Why it may send again", placeholder="Kept in the audit trail", key=key, live=True)
        return bool(given and given.strip())

    def let_go() -> str:
        desk().risk.release(name, reason=st.session_state[key].strip())
        return f"{name} may send again."

    body = f"It was frozen because: {escape(why)}\n\nCompare its orders with the broker's own list first."
    ask(Question(f"Release {escape(name)}?", body, "Keep frozen", "Release"), f"release:{account_id}", let_go, reason)


def disable(account_id: int, name: str) -> None:
    """Ask before strategies are kept off an account."""

    def do() -> str:
        return f"{desk().accounts.update(account_id, enabled=False).name} is disabled."

    body = "Strategies send nothing there. Orders that you place yourself still go out; PAUSED (trading mode) stops those too."
    ask(Question(f"Disable {escape(name)}?", body, "Keep enabled", "Disable"), f"disable:{account_id}", do)


def begin_anew(account_id: int, name: str) -> None:
    """Ask before a paper account's book is emptied."""
    key = f"anew-cash:{account_id}"

    def choose() -> bool:
        usual = int(desk().settings.get("paper.cash"))
        return bool(st.number_input("Starting cash (₹)", min_value=1, value=usual, step=10_000, key=key))

    def do() -> str:
        return f"{desk().accounts.reset(account_id, cash=st.session_state[key]).name} begins anew."

    body = "Its positions, holdings and money are thrown away. Its orders and executions stay in the lists."
    ask(Question(f"Begin {escape(name)} anew?", body, "Keep it", "Begin anew"), f"anew:{account_id}", do, choose)


def disconnect(account_id: int, name: str) -> None:
    """Ask before logging out."""

    def do() -> str:
        status = desk().accounts.disconnect(account_id)
        return f"{status.account} is disconnected. {status.error or ''}".strip()

    working = desk().orders.counts(name)["working"]
    unseen = f" Its working orders ({working}) stay at the exchange, unwatched until it is connected again." * bool(working)
    body = f"Logs out at the broker, keeps credentials.{unseen}"
    ask(Question(f"Disconnect {escape(name)}?", body, "Stay connected", "Disconnect"), f"disconnect:{account_id}", do)


def delete(account_id: int, name: str, *, is_default: bool) -> None:
    """Ask, with the name typed, before an account's credentials are erased."""
    mine = desk()
    others = [row.name for row in rows(mine.accounts.table()) if row.id != account_id]
    working = mine.orders.count(name, [str(status) for status in EXPOSED])
    heir, anyway = f"next-default:{account_id}", f"delete-anyway:{account_id}"

    def more() -> bool:
        chosen: Any = True
        if is_default and len(others) > 1:
            chosen = st.selectbox("Next default account", others, index=None, key=heir)
        agreed = not working or st.checkbox("Delete it although orders are at work, which nobody will watch", key=anyway)
        return bool(chosen) and agreed

    def do() -> str:
        named = st.session_state.get(heir) if is_default else None
        desk().accounts.remove(account_id, next_default=named, force=bool(working) and bool(st.session_state.get(anyway)))
        return f"{name} was deleted. Its history is kept."

    said = ["Its credentials and its login are erased. History is kept."]
    if is_default and len(others) == 1:
        said.append(f"{escape(others[0])} becomes the default account.")
    if working:
        said.append(f"**{working} {'order is' if working == 1 else 'orders are'} at work there.**")
    question = Question(f"Delete {escape(name)}?", " ".join(said), "Keep account", "Delete account", typed=name)
    ask(question, f"delete:{account_id}", do, more)


def add() -> None:
    """Ask for a new account: broker, name, credentials."""
    show_dialog("Add an account", _add, icon=":material/add:")


def _add() -> None:
    brokers = {one.broker: one for one in desk().brokers()}
    titles = {one.broker: f"{PAPER[0]} {one.title}" if one.simulated else one.title for one in brokers.values()}
    broker = st.selectbox("Broker", list(brokers), format_func=titles.__getitem__, key="add-broker")
    wanted = brokers[broker]
    if wanted.simulated:
        st.markdown("\n\n".join(wanted.setup_steps))
    else:
        setup(wanted)
    name = st.text_input("Name", placeholder="What you want to call it", key="add-name")
    given: dict[str, Any] = entry(wanted.credentials, f"add:{broker}")
    if wanted.simulated:
        usual = int(desk().settings.get("paper.cash"))
        given["cash"] = st.number_input("Starting cash (₹)", min_value=1, value=usual, step=10_000, key="add-cash")
    else:
        st.caption("Kept encrypted on this machine, and never shown again.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="add-keep", on_click=close_dialog)
        acted = pressed("Add account", key="go_add", type="primary")
    if not acted:
        return
    try:
        added = desk().accounts.add(broker, name=name, **given)
        if wanted.simulated:
            desk().accounts.connect(added.id)
    except SigmaError as error:
        trouble(error)
        return
    st.toast(f"{added.name} was added.", icon=":material/check:")
    st.query_params["connect"] = added.name
    close_dialog()


def edit(account_id: int, name: str) -> None:
    """Ask for an account's new name and credentials, and who logs in."""
    show_dialog(f"Edit {escape(name)}", _edit, account_id, icon=":material/edit:")


def _edit(account_id: int) -> None:
    row = next((row for row in rows(desk().accounts.table()) if row.id == account_id), None)
    if row is None:
        st.markdown("This account was deleted meanwhile.")
        return
    wanted = desk().capabilities(row.broker)
    name = st.text_input("Name", value=row.name, key=f"edit-name:{account_id}")
    given = _credentials_anew(account_id, wanted.credentials) if wanted.credentials else {}
    change: dict[str, Any] = {"name": name} if name.strip() != row.name else {}
    if AuthMode.AUTO in wanted.auth_modes:
        change |= _who_logs_in(account_id, AuthMode(row.auth_mode), given)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key=f"edit-keep:{account_id}", on_click=close_dialog)
        acted = pressed("Save", key=f"go_edit:{account_id}", type="primary", disabled=not (change or given))
    if acted:
        _save(account_id, change, given)


def _credentials_anew(account_id: int, credentials: tuple[str, ...]) -> dict[str, str]:
    with st.expander(f"Enter {listed(credentials)} anew"):
        st.caption("What is stored is never shown. Leave empty what stays. New credentials end the login: log in again after.")
        return entry(credentials, f"edit:{account_id}", "Unchanged")


def _who_logs_in(account_id: int, now: AuthMode, given: dict[str, str]) -> dict[str, Any]:
    """Draw the choice between logging in by hand and automatically; what was entered for it goes into `given`."""
    choices = list(AUTH_WORDS)
    chosen = st.radio(
        "Daily login", choices, index=choices.index(now), format_func=AUTH_WORDS.__getitem__, key=f"auth:{account_id}"
    )
    consent = False
    if chosen is AuthMode.AUTO:
        st.warning(AUTO_CONSENT, icon=":material/warning:")
        given |= entry(AUTO_KEYS, f"auto:{account_id}", "Unchanged" if now is AuthMode.AUTO else "")
        if now is not AuthMode.AUTO:
            consent = st.checkbox("I read this and agree.", key=f"consent:{account_id}")
    elif now is AuthMode.AUTO:
        st.caption("PIN and TOTP secret are erased.")
    return {} if chosen is now else {"auth_mode": chosen.value, "consent": consent}


def _save(account_id: int, change: dict[str, Any], given: dict[str, str]) -> None:
    try:
        after: Account = desk().accounts.update(account_id, **change, **given)  # type: ignore[arg-type]
    except SigmaError as error:
        trouble(error)
        return
    st.toast(f"{after.name} was changed.", icon=":material/check:")
    if given or "connect" in st.query_params:
        st.query_params["connect"] = after.name
    close_dialog()


def setup(wanted: Capabilities) -> None:
    """Say what is to be done once at the broker, and which address its login is to send people back to."""
    with st.expander(f"What to do at {escape(wanted.title)} first"):
        st.markdown("\n".join(f"{number}. {step}" for number, step in enumerate(wanted.setup_steps, 1)))
        if wanted.login_redirect:
            st.code(redirect_address(st.context.url or "", wanted.broker), language=None)


def redirect_address(page: str, broker: str) -> str:
    """Return where a broker's login is to send people back to, by the address of the page they look at."""
    scheme, _, rest = page.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/connect/{broker}"


def trouble(error: SigmaError) -> None:
    """Say what was refused and what to do."""
    st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
