"""Judging the installation: facts go in, checks come out. The words are the same for pages, notebooks and `sigma doctor`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from ipaddress import ip_address

from sigma.domain.accounts import Account, SessionState, SessionStatus, TradingMode
from sigma.domain.calendar import IMPORT_HINT
from sigma.domain.events import Heartbeat, JobRun
from sigma.domain.health import BEAT_S, Check, Mark, Place
from sigma.domain.instruments import Exchange, MasterReport
from sigma.domain.market import FeedState, MarketHealth
from sigma.domain.orders import Command, Order
from sigma.domain.risk import KillState
from sigma.domain.show import when

PRIVATE = 0o077
LITTLE_BYTES, TOO_LITTLE_BYTES = 2_000_000_000, 200_000_000
SILENT_BEATS = 5
LONG_RUN = timedelta(minutes=10)
LONG_WAIT, TOO_LONG_WAIT = timedelta(seconds=2), timedelta(seconds=20)
CALENDAR_WARNING = timedelta(days=30)
START = "Start it: `sigma up`."


def place(found: Place) -> Iterator[Check]:
    """Judge folder, key and disk."""
    if found.home_mode is None or found.free_bytes is None:
        yield Check(Mark.BAD, "home", f"{found.home} does not exist.", "`sigma db upgrade` makes it.")
        return
    yield _private("home", found.home, found.home_mode)
    if found.key_given:
        yield Check(Mark.GOOD, "key", "from SIGMA_KEY")
    elif found.key_mode is not None:
        yield _private("key", found.key_file, found.key_mode)
    else:
        yield Check(Mark.BAD, "key", f"{found.key_file} is missing.", "`sigma db upgrade` makes one for a new installation.")
    free = found.free_bytes
    mark = Mark.GOOD if free > LITTLE_BYTES else Mark.WARNING if free > TOO_LITTLE_BYTES else Mark.BAD
    hint = "" if mark is Mark.GOOD else "A full disk stops sending: nothing goes out that cannot be recorded."
    yield Check(mark, "disk", f"{free / 1e9:.1f} GB free", hint)


def _private(what: str, path: str, mode: int) -> Check:
    if mode & PRIVATE:
        return Check(Mark.BAD, what, f"{path} can be read by others (mode {mode:04o}).", f"chmod go= {path}")
    return Check(Mark.GOOD, what, f"{path} (mode {mode:04o})")


def worker(beat: Heartbeat | None, every_s: float, now: datetime) -> Iterator[Check]:
    """Judge the process that sends: without it nothing goes out."""
    if beat is None:
        yield Check(Mark.BAD, "worker", "has never run here: nothing is sent.", START)
    elif silent(beat, every_s, now):
        words = f"gave its last sign of life at {when(beat.at, now)} IST: nothing is sent."
        yield Check(Mark.BAD, "worker", words, START, beat.at)
    else:
        yield Check(Mark.GOOD, "worker", f"is alive (pid {beat.pid})", since=beat.at)
        stopped = str(beat.detail.get("stopped") or "")
        if stopped:
            yield Check(Mark.BAD, "worker", f"sends nothing for: {stopped}", "Restart it once the cause is mended.")


def gateway(beat: Heartbeat | None, now: datetime) -> Check:
    """Judge the process that takes alerts; who never started it may not want it."""
    if beat is None:
        return Check(Mark.NOTE, "gateway", "has never run here: no alert comes in by the webhook.", START)
    if silent(beat, BEAT_S, now):
        words = f"gave its last sign of life at {when(beat.at, now)} IST: no alert comes in."
        return Check(Mark.WARNING, "gateway", words, START, beat.at)
    return Check(Mark.GOOD, "gateway", f"is alive (pid {beat.pid})", since=beat.at)


def web(beat: Heartbeat | None, now: datetime) -> Iterator[Check]:
    """Judge the process that serves the pages; one that never ran is not missed."""
    if beat is not None and silent(beat, BEAT_S, now):
        words = f"gave its last sign of life at {when(beat.at, now)} IST: the pages do not open."
        yield Check(Mark.NOTE, "web", words, "Start it: `sigma web`.", beat.at)
    elif beat is not None:
        yield Check(Mark.GOOD, "web", f"is alive (pid {beat.pid})", since=beat.at)


def silent(beat: Heartbeat, every_s: float, now: datetime) -> bool:
    """Say whether a process missed its signs of life; one from the future is of a clock that was set back."""
    return abs((now - beat.at).total_seconds()) > SILENT_BEATS * every_s


def session(account: Account, status: SessionStatus, now: datetime) -> Check:
    """Judge an account's login as it is stored; who switched the account off wants none."""
    name, hint = account.name, f"Connect it on the page Brokers, or `sigma login {shlex.quote(account.name)}`."
    if status.state is SessionState.CONNECTED:
        until = f", until {when(status.expires_at, now)} IST" if status.expires_at else ""
        who = f"{status.client_id} ({status.user_name})" if status.user_name else str(status.client_id)
        return Check(Mark.GOOD, "session", f"connected as {who}{until}", since=status.obtained_at, account=name)
    if status.state is SessionState.NEVER:
        mark = Mark.WARNING if account.enabled else Mark.NOTE
        return Check(mark, "session", "is not connected.", hint, account=name)
    mark = Mark.BAD if account.enabled else Mark.NOTE
    if status.state is SessionState.EXPIRED:
        ended = f" at {when(status.expires_at, now)} IST" if status.expires_at else ""
        return Check(mark, "session", f"expired{ended}.", hint, status.expires_at, name)
    return Check(mark, "session", f"the broker did not answer: {status.error}", hint, status.checked_at, name)


def restrictions(account: Account, frozen_at: datetime | None) -> Iterator[Check]:
    """Say what keeps an account from sending all that it is told to."""
    name = account.name
    if account.frozen_reason:
        hint = f"Find out why, then `sigma accounts release {shlex.quote(name)} --reason …`."
        yield Check(Mark.BAD, "frozen", f"sends nothing: {account.frozen_reason}", hint, frozen_at, name)
    if account.trading_mode is not TradingMode.NORMAL:
        hint = f"`sigma accounts update {shlex.quote(name)} --mode NORMAL`"
        yield Check(Mark.WARNING, "trading mode", f"is {account.trading_mode}", hint, account=name)


def outbox(account: Account, since: list[datetime], now: datetime) -> Iterator[Check]:
    """Say how many decided writes and AUTO orders of an account wait for their turn, and for how long the oldest does."""
    if not since or now - min(since) < LONG_WAIT:
        return
    seconds = (now - min(since)).total_seconds()
    words = f"{len(since)} wait to be sent, the oldest for {seconds:.0f} s."
    hint = "Brokers take only so many in a second and a minute; what waits too long returns to the queue."
    mark = Mark.NOTE if seconds < TOO_LONG_WAIT.total_seconds() else Mark.WARNING
    yield Check(mark, "sending", words, hint, min(since), account.name)


def address(
    account: Account, title: str, taken: Command | None, refused: Command | None, outgoing: str | None, now: datetime
) -> Check:
    """Judge whether the broker takes writes from this machine's address: only an answer to one can tell.

    Parameters
    ----------
    taken, refused : Command or None
        The newest write that the broker took, and the newest that it refused for its address.
    outgoing : str or None
        The address from which this machine goes out; behind a router the broker sees the router's.
    """
    name, seen = account.name, _way_out(outgoing)
    register = f"Register this machine's outgoing address on {title}'s developer page; a change may take effect late."
    if refused is not None and (taken is None or refused.id > taken.id):
        told = f"{title} refused a write at {_at(refused, now)}: {refused.text}. {seen}"
        return Check(Mark.BAD, "static IP", told, register, refused.answered_at, name)
    if taken is not None:
        told = f"{title} took a write from here at {_at(taken, now)}. {seen}"
        return Check(Mark.GOOD, "static IP", told, since=taken.answered_at, account=name)
    told = f"not known: {title} has taken no write lately, and reading works from any address. {seen}"
    hint = f"{register} The first order shows whether it is: a refusal for the address places nothing, and is told here."
    return Check(Mark.NOTE, "static IP", told, hint, account=name)


def _at(command: Command, now: datetime) -> str:
    return f"{when(command.answered_at, now)} IST" if command.answered_at else "an unknown time"


def _way_out(outgoing: str | None) -> str:
    if outgoing is None:
        return "This machine has no way out to the internet."
    if ip_address(outgoing).is_global:
        return f"This machine goes out from {outgoing}."
    return f"This machine goes out from {outgoing}, a private address: the broker sees that of the router before it."


def skew(account: Account, ahead_s: float | None, most_s: float) -> Check:
    """Compare our clock with the broker's, which is exact to a second; None: it did not say what time it is."""
    if ahead_s is None:
        return Check(Mark.NOTE, "clock", "the broker did not say what time it is", account=account.name)
    words = f"our clock is {'ahead of' if ahead_s > 0 else 'behind'} the broker's by {abs(ahead_s):.0f} s"
    if abs(ahead_s) <= most_s:
        return Check(Mark.GOOD, "clock", words, account=account.name)
    hint = f"Beyond {most_s:g} s nothing is sent: let the machine follow a time server (NTP)."
    return Check(Mark.BAD, "clock", words, hint, account=account.name)


def switches(mode: TradingMode, kills: Iterable[KillState], names: Mapping[int, str]) -> Iterator[Check]:
    """Say what a person switched off."""
    if mode is not TradingMode.NORMAL:
        yield Check(Mark.WARNING, "trading mode", f"of all accounts is {mode}", "`sigma risk mode NORMAL`")
    for kill in kills:
        if kill.on:
            account = None if kill.account_id is None else names.get(kill.account_id, f"#{kill.account_id}")
            by = f" (by {kill.by})" if kill.by else ""
            hint = "`sigma kill off --reason …` allows orders again."
            yield Check(Mark.WARNING, "kill switch", f"is ON{by}: {kill.reason}", hint, kill.at, account)


def webhook_secret(known: bool) -> Check:
    """Say whether alerts can prove whose they are."""
    if known:
        return Check(Mark.GOOD, "webhook secret", "is set")
    return Check(Mark.WARNING, "webhook secret", "is not set: no alert is taken.", "`sigma webhook secret --rotate`")


def instruments(age: timedelta | None, warning: str, now: datetime) -> Check:
    """Judge the instrument table."""
    since = None if age is None else now - age
    if warning:
        return Check(Mark.WARNING, "instruments", warning, "`sigma instruments refresh`", since)
    return Check(Mark.GOOD, "instruments", "downloaded and young enough", since=since)


def calendar(ends: Mapping[Exchange, date | None], today: date) -> Check:
    """Judge how far the exchanges' lists of trading days go; None: the list is over, or there never was one."""
    over = [str(exchange) for exchange, end in ends.items() if end is None]
    known = sorted({end for end in ends.values() if end is not None})
    if over:
        words = f"no trading day of {', '.join(over)} is known today: they count as closed and take no order."
        return Check(Mark.BAD, "calendar", words, IMPORT_HINT)
    if not known or known[0] - today > CALENDAR_WARNING:
        return Check(Mark.GOOD, "calendar", f"known until {known[0]:%d %b %Y}" if known else "has no exchange")
    soon = ", ".join(str(exchange) for exchange, end in ends.items() if end == known[0])
    words = f"the list of {soon} ends on {known[0]:%d %b %Y}: after that they count as closed and take no order."
    return Check(Mark.WARNING, "calendar", words, IMPORT_HINT)


def market(found: MarketHealth, now: datetime) -> Check:
    """Judge what evaluation relies on: the source of market data and its live feed."""
    if not found.healthy:
        words = f"is unavailable: {found.reason}. Alerts, conditional orders and strategies are paused."
        mark = Mark.BAD if found.source else Mark.WARNING  # whoever has not added an account yet misses nothing that worked
        return Check(mark, "market data", words, found.cure, found.since)
    feed = {FeedState.LIVE: "live", FeedState.OFF: "asked for, nothing is streamed now"}.get(found.feed, "the live feed starts")
    tick = "" if found.tick_age_s is None else f", newest tick at {when(now - timedelta(seconds=found.tick_age_s), now)} IST"
    return Check(Mark.GOOD, "market data", f"from {found.source}: {feed}{tick}")


def masters(reports: Iterable[MasterReport], aside: int) -> Iterator[Check]:
    """Tell of instrument tables whose last refresh failed, and of rows that wait for a person's word."""
    for report in reports:
        if report.kept_old:
            hint = f"`sigma instruments refresh {report.broker}` tries again; the worker does by itself."
            words = f"{report.broker}: the last refresh was not taken: {report.kept_old}."
            yield Check(Mark.WARNING, "instruments", words, hint)
    if aside:
        words = f"{aside} rows of instrument tables contradict one another and are set aside"
        yield Check(Mark.NOTE, "instruments", words, "`sigma instruments quarantine` shows them.")


def unknown_order(order: Order, account: str | None) -> Check:
    """Say that nobody knows yet what became of an order, or that only a person can find out."""
    request = order.request
    words = f"{request.side} {request.quantity} {request.listing}: outcome unknown"
    mark = Mark.BAD if order.unsettled else Mark.WARNING
    hint = (
        f"`sigma orders resolve {order.id}`, or on the page Orders"
        if order.unsettled
        else "It is being looked for in the broker's book."
    )
    return Check(mark, f"order {order.id}", words, hint, order.sent_at or order.updated_at, account)


def job(run: JobRun, now: datetime) -> Check:
    """Judge a job by its last run."""
    what, begun = f"job {run.job}", f"{when(run.started_at, now)} IST"
    if run.ended_at is None:
        if now - run.started_at <= LONG_RUN:
            return Check(Mark.GOOD, what, "is running", since=run.started_at)
        return Check(
            Mark.WARNING, what, f"began at {begun} and never said that it ended.", "See logs/worker.log.", run.started_at
        )
    if run.outcome == "done":
        return Check(Mark.GOOD, what, f"last ran at {begun}", since=run.ended_at)
    return Check(Mark.WARNING, what, f"{run.outcome} at {begun}.", "See logs/worker.log.", run.ended_at)
