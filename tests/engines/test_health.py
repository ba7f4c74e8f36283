"""Every judgement has its mark, its words, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.accounts import Account, AuthMode, SessionState, SessionStatus, TradingMode
from sigma.domain.events import Heartbeat, JobRun
from sigma.domain.health import Check, Mark, Place, worst_first
from sigma.domain.orders import Command, CommandKind, CommandState, OrderStatus, Outcome
from sigma.domain.risk import KillState
from sigma.engines import health
from tests.engines.build import NOW, order

PLACE = Place("/home/ann/.sigma", 0o700, "/home/ann/.sigma/key", 0o600, False, 50 * 10**9)
ACCOUNT = Account(1, 1, "alpha", "HUF Angel", "AB1234", True, True, TradingMode.NORMAL, AuthMode.MANUAL, NOW)
BEAT = Heartbeat("worker", NOW - timedelta(seconds=3), 4711, {"stopped": ""})


def marks(checks: list[Check]) -> dict[str, Mark]:
    return {check.what: check.mark for check in checks}


@pytest.mark.parametrize(
    ("changes", "what", "mark"),
    [
        ({}, "home", Mark.GOOD),
        ({"home_mode": 0o755}, "home", Mark.BAD),
        ({"key_mode": 0o640}, "key", Mark.BAD),
        ({"key_mode": None}, "key", Mark.BAD),
        ({"key_mode": None, "key_given": True}, "key", Mark.GOOD),
        ({"free_bytes": 10**9}, "disk", Mark.WARNING),
        ({"free_bytes": 10**8}, "disk", Mark.BAD),
        ({"home_mode": None, "key_mode": None, "free_bytes": None}, "home", Mark.BAD),
    ],
)
def test_the_place_is_judged(changes: dict[str, object], what: str, mark: Mark) -> None:
    found = list(health.place(replace(PLACE, **changes)))  # type: ignore[arg-type]
    assert marks(found)[what] is mark
    assert all(check.hint for check in found if check.mark is not Mark.GOOD)


@pytest.mark.parametrize(
    ("beat", "expected"),
    [
        (None, [Mark.BAD]),
        (BEAT, [Mark.GOOD]),
        (replace(BEAT, at=NOW - timedelta(seconds=11)), [Mark.BAD]),
        (replace(BEAT, at=NOW + timedelta(hours=1)), [Mark.BAD]),
        (replace(BEAT, detail={"stopped": "writer-1: disk full"}), [Mark.GOOD, Mark.BAD]),
    ],
)
def test_a_worker_is_alive_silent_since_or_never_was(beat: Heartbeat | None, expected: list[Mark]) -> None:
    found = list(health.worker(beat, 2.0, NOW))
    assert [check.mark for check in found] == expected
    assert found[0].since == (None if beat is None else beat.at)


def test_a_silent_gateway_is_a_warning_and_one_that_never_ran_a_note() -> None:
    assert health.gateway(None, NOW).mark is Mark.NOTE
    late = health.gateway(replace(BEAT, at=NOW - timedelta(minutes=3)), NOW)
    assert (late.mark, late.words) == (
        Mark.WARNING,
        "gave its last sign of life at 11:27:00 IST: no alert comes in.",
    )
    assert health.gateway(BEAT, NOW).mark is Mark.GOOD


def test_a_web_process_that_never_ran_is_not_missed() -> None:
    assert list(health.web(None, NOW)) == []
    assert [check.mark for check in health.web(BEAT, NOW)] == [Mark.GOOD]
    assert [check.mark for check in health.web(replace(BEAT, at=NOW - timedelta(minutes=3)), NOW)] == [Mark.NOTE]


@pytest.mark.parametrize(
    ("state", "mark", "off"),
    [
        (SessionState.CONNECTED, Mark.GOOD, Mark.GOOD),
        (SessionState.NEVER, Mark.WARNING, Mark.NOTE),
        (SessionState.EXPIRED, Mark.BAD, Mark.NOTE),
        (SessionState.ERROR, Mark.BAD, Mark.NOTE),
    ],
)
def test_a_login_that_is_needed_and_missing_is_bad_and_of_an_account_switched_off_a_note(
    state: SessionState, mark: Mark, off: Mark
) -> None:
    status = SessionStatus("HUF Angel", state, "AB1234", None, NOW, NOW + timedelta(hours=1), NOW, "no answer")
    check = health.session(ACCOUNT, status, NOW)
    assert (check.mark, check.account) == (mark, "HUF Angel")
    assert ("sigma login 'HUF Angel'" in check.hint) is (state is not SessionState.CONNECTED)
    assert health.session(replace(ACCOUNT, enabled=False), status, NOW).mark is off


def test_an_expired_login_says_since_when() -> None:
    ended = NOW - timedelta(hours=6)
    check = health.session(ACCOUNT, SessionStatus("HUF Angel", SessionState.EXPIRED, expires_at=ended), NOW)
    assert (check.since, check.words) == (ended, "expired at 05:30:00 IST.")


def test_what_holds_an_account_back_is_said_with_its_cure() -> None:
    held = replace(ACCOUNT, frozen_reason="two rows carry one tag", trading_mode=TradingMode.EXIT_ONLY)
    found = list(health.restrictions(held, NOW))
    assert marks(found) == {"frozen": Mark.BAD, "trading mode": Mark.WARNING}
    assert found[0].since == NOW
    assert list(health.restrictions(ACCOUNT, None)) == []


@pytest.mark.parametrize(
    ("ahead", "mark"), [(None, Mark.NOTE), (0.4, Mark.GOOD), (-30.0, Mark.GOOD), (31.0, Mark.BAD), (-31.0, Mark.BAD)]
)
def test_clocks_that_differ_by_too_much_are_bad_whichever_is_ahead(ahead: float | None, mark: Mark) -> None:
    assert health.skew(ACCOUNT, ahead, 30).mark is mark


def test_kill_switches_name_reason_account_and_person() -> None:
    kills = [KillState(True, "holiday", NOW, "ann"), KillState(True, "odd fills", NOW, "", 1), KillState(False, "over", NOW)]
    everything, one = health.switches(TradingMode.NORMAL, kills, {1: "HUF Angel"})
    assert (everything.account, everything.words) == (None, "is ON (by ann): holiday")
    assert (one.account, one.words, one.since) == ("HUF Angel", "is ON: odd fills", NOW)
    assert [check.what for check in health.switches(TradingMode.PAUSED, [], {})] == ["trading mode"]


def test_an_unknown_outcome_is_a_warning_and_bad_once_only_a_person_can_settle_it() -> None:
    lost = order(OrderStatus.UNKNOWN, sent_at=NOW)
    assert health.unknown_order(lost, "HUF Angel").mark is Mark.WARNING
    check = health.unknown_order(replace(lost, unsettled=True), "HUF Angel")
    assert (check.mark, check.since, check.account) == (Mark.BAD, NOW, "HUF Angel")
    assert "sigma orders resolve 1" in check.hint


@pytest.mark.parametrize(
    ("run", "mark"),
    [
        (JobRun("sessions", NOW, NOW, NOW, "done"), Mark.GOOD),
        (JobRun("sessions", NOW, NOW, NOW, "failed"), Mark.WARNING),
        (JobRun("sessions", NOW, NOW - timedelta(minutes=1)), Mark.GOOD),
        (JobRun("sessions", NOW, NOW - timedelta(hours=1)), Mark.WARNING),
    ],
)
def test_a_job_is_judged_by_its_last_run(run: JobRun, mark: Mark) -> None:
    assert health.job(run, NOW).mark is mark


def test_instruments_and_the_webhook_secret_are_judged() -> None:
    assert health.instruments(None, "The instrument table was never downloaded.", NOW).mark is Mark.WARNING
    young = health.instruments(timedelta(hours=2), "", NOW)
    assert (young.mark, young.since) == (Mark.GOOD, NOW - timedelta(hours=2))
    assert [health.webhook_secret(known).mark for known in (True, False)] == [Mark.GOOD, Mark.WARNING]


@given(st.lists(st.sampled_from(Mark)))
def test_the_worst_comes_first_and_equals_keep_their_order(drawn: list[Mark]) -> None:
    checks = [Check(mark, str(number), "words") for number, mark in enumerate(drawn)]
    found = worst_first(checks)
    assert sorted(check.what for check in found) == sorted(check.what for check in checks)
    order_of = list(Mark)
    keys = [(order_of.index(check.mark), int(check.what)) for check in found]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("taken", "refused", "mark"),
    [(None, None, Mark.NOTE), (1, None, Mark.GOOD), (None, 1, Mark.BAD), (1, 2, Mark.BAD), (2, 1, Mark.GOOD)],
)
def test_only_the_newest_answer_to_a_write_says_whether_the_address_is_registered(
    taken: int | None, refused: int | None, mark: Mark
) -> None:
    def write(number: int | None, outcome: Outcome, text: str) -> Command | None:
        at = NOW - timedelta(minutes=1)
        kind, state = CommandKind.PLACE, CommandState.ANSWERED
        return None if number is None else Command(number, 1, 1, kind, state, at, answered_at=at, outcome=outcome, text=text)

    newest = write(taken, Outcome.ACCEPTED, ""), write(refused, Outcome.REFUSED, "IP (198.51.100.7) is not allowed")
    check = health.address(ACCOUNT, "Zerodha", *newest, "198.51.100.7", NOW)
    assert (check.mark, check.what, check.account) == (mark, "static IP", ACCOUNT.name)
    assert ("developer page" in check.hint) is (mark is not Mark.GOOD)


@pytest.mark.parametrize(
    ("outgoing", "words"),
    [
        (None, "no way out"),
        ("10.0.0.5", "goes out from 10.0.0.5, a private address: the broker sees that of the router"),
        ("8.8.8.8", "goes out from 8.8.8.8."),
    ],
)
def test_a_private_address_is_not_the_one_that_a_broker_sees(outgoing: str | None, words: str) -> None:
    assert words in health.address(ACCOUNT, "AngelOne", None, None, outgoing, NOW).words


def test_what_waits_to_be_sent_is_told_with_the_age_of_the_oldest_once_it_waits_for_long() -> None:
    def told(*ages_s: float) -> list[tuple[Mark, str]]:
        found = health.outbox(ACCOUNT, [NOW - timedelta(seconds=age) for age in ages_s], NOW)
        return [(check.mark, check.words) for check in found]

    assert told() == told(0.5, 1.9) == []
    assert told(1.0, 14.2) == [(Mark.NOTE, "2 wait to be sent, the oldest for 14 s.")]
    assert told(25.0) == [(Mark.WARNING, "1 wait to be sent, the oldest for 25 s.")]
