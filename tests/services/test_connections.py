"""Clients by thread and login, and reads that are repeated with patience."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from sigma.domain.errors import BrokerUnavailable, NotFound, NoTurn, RateLimited, SessionExpired
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.ports.broker import Broker
from tests.services.fake_kit import A_DAY
from tests.services.rooms import Rooms


def holdings(broker: Broker) -> int:
    return len(broker.holdings().rows)


def slow(rooms: Rooms) -> None:
    """Let alpha take one call for lists a second."""
    lists = frozenset({CallKind.HOLDINGS, CallKind.POSITIONS})
    others = CallLimit("all else", frozenset(CallKind) - lists, (Window(1000, 1),))
    rooms.alpha.capabilities = replace(rooms.alpha.capabilities, limits=(CallLimit("lists", lists, (Window(1, 1),)), others))


def test_a_thread_keeps_its_client_and_another_thread_gets_its_own(rooms: Rooms) -> None:
    account = rooms.connected()
    first = rooms.connections.broker(account.id)
    assert rooms.connections.broker(account.id) is first
    others: list[Broker] = []
    thread = threading.Thread(target=lambda: others.append(rooms.connections.broker(account.id)))
    thread.start()
    thread.join()
    assert others
    assert others[0] is not first


def test_a_new_login_makes_a_new_client(rooms: Rooms) -> None:
    account = rooms.connected()
    first = rooms.connections.broker(account.id)
    rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})
    second = rooms.connections.broker(account.id)
    assert second is not first
    assert second.session.tokens["access_token"] == "secret-session-2"  # type: ignore[attr-defined]


def test_a_changed_time_out_makes_a_new_client(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.connections.broker(account.id)
    rooms.settings.set("orders.call_timeout", 1.5, user_id=rooms.user)
    assert rooms.connections.broker(account.id).context.timeout_s == 1.5  # type: ignore[attr-defined]


def test_without_a_login_the_error_says_which_account_and_how_to_log_in(rooms: Rooms) -> None:
    account = rooms.account("ann main")
    with pytest.raises(SessionExpired, match="'ann main' is not connected") as refused:
        rooms.connections.broker(account.id)
    assert "sigma login 'ann main'" in refused.value.hint
    assert 'desk.accounts.connect("ann main"' in refused.value.hint


def test_with_an_ended_login_the_error_says_since_when(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.clock.pass_by(A_DAY.total_seconds())
    with pytest.raises(SessionExpired, match="ended on 21 Nov at 06:00 IST"):
        rooms.connections.broker(account.id)


def test_the_context_points_at_the_address_given_and_else_at_the_real_one(rooms: Rooms) -> None:
    assert rooms.connections.context("alpha").url == "http://127.0.0.1:1"
    assert rooms.connections.context("beta").url == ""
    with pytest.raises(NotFound):
        rooms.connections.kit("gamma")


def test_a_read_is_repeated_while_the_broker_is_away_with_growing_patience(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [BrokerUnavailable("away"), BrokerUnavailable("away")]
    assert rooms.connections.read(account.id, CallKind.HOLDINGS, holdings) == 0
    assert rooms.clock.waits == [0.25, 1.0]


def test_a_read_gives_up_after_three_attempts_with_the_broker_s_word(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [BrokerUnavailable(f"away {number}") for number in range(5)]
    with pytest.raises(BrokerUnavailable, match="away 2"):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    assert len(rooms.alpha.failures) == 2


def test_a_rate_limit_is_waited_for_as_long_as_the_broker_says(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [RateLimited("slow down", retry_after=3.0), RateLimited("slow down")]
    rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    assert rooms.clock.waits == [3.0, 2.0], "without a word longer at each refusal"


def test_reads_of_one_kind_wait_for_their_turn_and_end_when_it_comes_too_late(rooms: Rooms) -> None:
    slow(rooms)
    account = rooms.connected()
    rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    assert sum(rooms.clock.waits) == pytest.approx(1.02)
    with pytest.raises(NoTurn, match="No more calls for lists"):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings, patience_s=0.5)
    assert rooms.alpha.calls.count("holdings") == 2
    (told,) = [each.use for each in rooms.connections.uses(account) if each.use.limit.name == "lists"]
    assert (told.calls, told.waited, told.refused) == (2, 1, 1)


def test_a_refusal_for_rate_keeps_everybody_from_asking_and_a_login_too(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [RateLimited("slow down", retry_after=60.0)]
    with pytest.raises(RateLimited, match="slow down"):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    asked = len(rooms.alpha.calls)
    with pytest.raises(NoTurn, match="for 60 s: the broker asked for patience"):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    with pytest.raises(NoTurn):
        rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})
    assert len(rooms.alpha.calls) == asked
    rooms.clock.pass_by(60)
    rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})


def test_limits_must_name_each_kind_of_call_once(rooms: Rooms) -> None:
    twice = (*rooms.alpha.capabilities.limits, CallLimit("more", frozenset({CallKind.QUOTES}), (Window(1, 1),)))
    with pytest.raises(ValueError, match="each kind of call once"):
        replace(rooms.alpha.capabilities, limits=twice)


def test_a_very_long_rate_limit_is_told_instead_of_waited_for(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [RateLimited("come back later", retry_after=60.0)]
    with pytest.raises(RateLimited):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    assert not rooms.clock.waits


def test_a_refused_login_is_not_repeated_and_ends_for_everybody(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.refused.add("secret-session-1")
    with pytest.raises(SessionExpired, match="sigma login ann"):
        rooms.connections.read(account.id, CallKind.HOLDINGS, holdings)
    assert rooms.alpha.calls.count("holdings") == 1
    with pytest.raises(SessionExpired):
        rooms.connections.broker(account.id)


def test_a_login_newer_than_the_refused_one_stays(rooms: Rooms) -> None:
    account = rooms.connected()
    old = rooms.connections.session(account.id)
    rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})
    rooms.connections.end_session(account.id, old, "late news")
    rooms.connections.broker(account.id)
    assert not rooms.audit("SESSION_EXPIRED")


def test_an_error_of_ours_is_not_repeated(rooms: Rooms) -> None:
    account = rooms.connected()

    def broken(_broker: Broker) -> int:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        rooms.connections.read(account.id, CallKind.HOLDINGS, broken)
    assert not rooms.clock.waits


def test_removing_an_account_ends_its_clients(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.connections.broker(account.id)
    rooms.accounts.remove(rooms.user, "ann")
    with pytest.raises(NotFound):
        rooms.connections.broker(account.id)
